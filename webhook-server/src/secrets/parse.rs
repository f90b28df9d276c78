//! Text to secrets: how several are written, and how each gets its label.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use webhook_core::Secret;

use super::diagnostics::Medium;
use super::{MOST, SigningSecrets, diagnostics, looks_like_a_secret};
use crate::problems::Problems;
use crate::report::format::hex;
use crate::store::SecretName;

/// The maximum length of a label, in bytes.
const LONGEST_LABEL: usize = 32;

/// Splits a text into secrets, checks each, and adds those that can be used. `place` says where the text came from.
pub(super) fn parse(
    (place, medium): (&str, Medium),
    text: &str,
    read: &mut SigningSecrets,
    problems: &mut Problems,
) {
    if let Some(mistake) = diagnostics::in_value(text, medium) {
        problems.add(format!("{place}: {mistake}"));
        return;
    }
    let items: Vec<&str> = text.split([',', '\n']).collect();
    if items.len() > MOST {
        problems.add(format!("{place} contains {} secrets; the maximum is {MOST}", items.len()));
        return;
    }
    for (at, item) in items.iter().enumerate() {
        let which = if items.len() == 1 { place.to_owned() } else { format!("{place}, secret {}", at + 1) };
        if item.is_empty() && items.len() > 1 {
            problems.add(format!("{which}: it is empty: remove the extra comma or line break"));
            continue;
        }
        let (label, secret) = labelled(item);
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let fingerprint: Arc<str> = fingerprint(&digest).into();
        let label = label.map_or_else(|| Arc::clone(&fingerprint), Arc::from);
        if let Some(mistake) = diagnostics::in_secret(secret, medium) {
            problems.add(format!("{which}: {mistake}"));
            continue;
        }
        match Secret::new(secret) {
            Ok(_) if read.digests.contains(&digest) => {
                problems.add(format!("{which}: it is the same as an earlier one; remove it"));
            }
            Ok(_) if read.names.iter().any(|other| other.label == label) => {
                problems
                    .add(format!("{which}: an earlier one has the label `{label}`, too; change one of them"));
            }
            Ok(secret) => {
                read.secrets.push(secret);
                read.names.push(SecretName { label, fingerprint });
                read.digests.push(digest);
            }
            Err(error) => problems.add(format!("{which}: {error}")),
        }
    }
}

/// Splits `label whsec_…`.
fn labelled(item: &str) -> (Option<&str>, &str) {
    match item.split_once(' ') {
        Some((label, secret)) if is_label(label) => (Some(label), secret),
        _ => (None, item),
    }
}

/// Tells a secret from others that have the same label. It is the same wherever the secret is used, and can be computed
/// with `sha256sum`. It may be shown: 32 bits do not help to guess a secret, which is random and several times as long.
fn fingerprint(digest: &[u8; 32]) -> String {
    hex(&digest[..4])
}

fn is_label(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    (1..=LONGEST_LABEL).contains(&text.len()) && text.bytes().all(fits) && !looks_like_a_secret(text)
}
