//! What the tests of handlers with transactions share: an application, its pools, and a proxy that loses answers.

mod proxy;
mod shop;

pub use proxy::Proxy;
pub use shop::{Pools, Shop, app, prepared, start};
