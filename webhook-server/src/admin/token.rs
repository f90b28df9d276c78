//! The token of the admin pages, and the session of a browser that has shown it.
//!
//! A session is the time of its end and a MAC of that, keyed with the token. So the server keeps nothing, several instances
//! with one token share their sessions, and a new token ends all of them.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::report::format::hex;

/// How many characters a token has at least.
const SHORTEST: usize = 16;

/// How long a session lasts: a working day.
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// What the pages ask for.
pub(crate) struct Token(Zeroizing<Vec<u8>>);

impl Token {
    /// Reads the token from a file: its first line.
    ///
    /// # Errors
    ///
    /// Says in a sentence what is wrong with the file.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read(file).map(Zeroizing::new).map_err(|error| {
            format!("cannot read the token of the admin pages from {}: {error}", file.display())
        })?;
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        if line.len() < SHORTEST {
            return Err(format!(
                "the token of the admin pages in {} has fewer than {SHORTEST} characters: make one with `openssl rand \
                 -hex 32`",
                file.display()
            ));
        }
        Ok(Self(Zeroizing::new(line.to_owned())))
    }

    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_owned()))
    }

    /// Whether this is the token. Takes the same time for every text of one length.
    pub(super) fn is(&self, given: &str) -> bool {
        self.0.ct_eq(given.as_bytes()).into()
    }

    /// Starts a session.
    pub(super) fn session(&self, now: SystemTime) -> String {
        let until = seconds(now + SESSION);
        format!("{until}.{}", hex(&self.mac(&until.to_string())))
    }

    /// Whether a session was made with this token and has not ended.
    pub(super) fn has_session(&self, session: &str, now: SystemTime) -> bool {
        let Some((until, mac)) = session.split_once('.') else { return false };
        let is_ours: bool = hex(&self.mac(until)).as_bytes().ct_eq(mac.as_bytes()).into();
        is_ours && until.parse().is_ok_and(|until: u64| seconds(now) < until)
    }

    /// A name for the session's cookie. Cookies do not tell ports apart: servers on one machine need different names.
    pub(super) fn cookie(&self) -> String {
        format!("webhook_admin_{}", &hex(&self.mac("name"))[..8])
    }

    fn mac(&self, text: &str) -> Vec<u8> {
        // A key may have any length.
        let mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .map(|mac| mac.chain_update("session ").chain_update(text));
        mac.map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
    }
}

/// A time in seconds since the Unix epoch.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
