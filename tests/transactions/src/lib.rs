//! What the tests of handlers with transactions share: an application, its pools, and a rule that loses answers.

mod losses;
mod shop;

pub use losses::losses;
pub use shop::{Pools, Shop, app, prepared, start};
