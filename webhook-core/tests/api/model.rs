//! Models that are written independently of the crate, and know nothing of how it works.

pub(crate) mod envelope;
pub(crate) mod hmac;
pub(crate) mod signature;
