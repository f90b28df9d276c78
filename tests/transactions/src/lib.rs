//! What the tests of handlers with transactions share: an application, its pools, either driver's transaction, and a rule that loses answers.

mod losses;
mod run;
mod shop;

pub use losses::losses;
pub use run::Run;
pub use shop::{Pools, Shop, app, prepared, start};
