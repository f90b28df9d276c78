//! From a request's bytes to a verified body, and back for tests and tools.

mod header;
mod secret;
mod sign;
mod verify;

pub use self::header::{MAX_SIGNATURES, SIGNATURE_HEADER, SignatureHeader, SignatureHeaderError};
pub use self::secret::{Secret, SecretError};
pub use self::sign::sign;
pub use self::verify::{Tolerance, Verified, VerifyError, verify};
