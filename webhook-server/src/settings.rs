//! Every setting, in one table: its field, default, help and range.
//!
//! From a row come the public field, the flag, the environment variable, the key in the configuration file, the default in
//! `--help`, the check at the start and the error if the check fails. To add a setting, add a row (`table.rs`).
//!
//! A value is first read (its type decides how, `value.rs`), then checked (its row says how) when all values are known,
//! because a range may depend on another setting.

mod checks;
mod derived;
mod environment;
mod file;
mod interface;
mod origin;
mod password;
mod setting;
mod sources;
mod table;
#[cfg(test)]
mod tests;
mod unknown;
mod unknown_version;
mod value;

pub(crate) use self::checks::{plain_path, tolerable};
pub(crate) use self::environment::API_KEY_VARIABLE;
pub(crate) use self::file::Section;
pub(crate) use self::interface::Interface;
pub(crate) use self::origin::{Origin, Origins, Sourced};
pub(crate) use self::setting::OutOfRange;
pub(crate) use self::setting::{Group, Setting, how_to_set};
pub(crate) use self::sources::{CONFIG_VARIABLE, Given, OfEndpoints, SECRET_FILE, Sources};
pub use self::table::Settings;
pub use self::unknown_version::UnknownVersion;
pub(crate) use self::value::{Kind, Typed};
