//! Where the signing secrets come from: the environment or a file, never the command line.
//!
//! The command line is visible to every user of the machine, so no flag takes a secret. Text that holds one is wiped
//! when it is dropped, and no message contains any part of it.

pub(crate) mod diagnostics;
mod misplaced;
mod parse;
mod reloaded;

use std::fmt;
use std::path::{Path, PathBuf};

use webhook_core::Secret;
use zeroize::Zeroizing;

pub(crate) use self::diagnostics::Medium;
use self::misplaced::misplaced;
pub(crate) use self::misplaced::{Held, held, looks_like_a_secret};
use self::parse::parse;
pub(crate) use self::reloaded::ReloadedSecrets;
use crate::problems::Problems;
use crate::reload::file;
use crate::settings::{Interface, Origin, Sourced};
use crate::store::SecretName;

/// The variable that holds the signing secrets of a program that declares no endpoints.
pub(crate) const VARIABLE: &str = "STRIPE_WEBHOOK_SECRET";

/// The variable that names the file that contains them.
pub(crate) const FILE_VARIABLE: &str = "STRIPE_WEBHOOK_SECRET_FILE";

/// Why a server needs a secret, for [`read`].
pub(crate) const NEEDED: &str = "without one, anyone could send events";

/// The maximum number of secrets of an endpoint. It has one, or two during a roll; one that several accounts or modes
/// share has a few more.
const MOST: usize = 8;

/// Where secrets are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// An environment variable, by its name.
    Variable(String),
    File(PathBuf),
}

/// The variable's name or the file's.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

impl Source {
    /// Where a program that declares no endpoints has its secrets: in a file, or else in [`VARIABLE`].
    pub(crate) fn undeclared(file: Option<&Path>) -> Sourced<Self> {
        let source =
            file.map_or_else(|| Self::Variable(VARIABLE.to_owned()), |file| Self::File(file.to_owned()));
        source.by(Origin::Default)
    }

    /// Notes what named this source.
    pub(crate) fn by(self, origin: Origin) -> Sourced<Self> {
        Sourced { value: self, origin }
    }

    /// Whether there is such a variable or file. A mistake that [`read`] reports counts as one.
    #[cfg(feature = "cli")]
    pub(crate) fn is_set(&self) -> bool {
        match self {
            Self::Variable(name) => looks_like_a_secret(name) || std::env::var_os(name).is_some(),
            Self::File(file) => {
                looks_like_a_secret(&file.to_string_lossy()) || !matches!(file.try_exists(), Ok(false))
            }
        }
    }
}

/// The signing secrets of an endpoint, each with a name that may be shown.
#[derive(Clone, Default)]
pub(crate) struct SigningSecrets {
    secrets: Vec<Secret>,
    names: Vec<SecretName>,
    /// The SHA-256 of each secret's text, because secrets cannot be compared.
    digests: Vec<[u8; 32]>,
    /// Which of the endpoint's sources each secret came from.
    sources: Vec<usize>,
}

impl SigningSecrets {
    /// Makes the secrets of a server that was given one. Its inbox is in memory, where this label is as good as a
    /// fingerprint.
    pub(crate) fn only(secret: Secret, label: &str) -> Self {
        let name = SecretName { label: label.into(), fingerprint: label.into() };
        Self { secrets: vec![secret], names: vec![name], digests: vec![[0; 32]], sources: vec![0] }
    }

    /// The secrets, to verify or to sign with.
    pub(crate) fn all(&self) -> &[Secret] {
        &self.secrets
    }

    /// The names of the secrets, in their order.
    pub(crate) fn names(&self) -> &[SecretName] {
        &self.names
    }

    /// The names of the secrets as one text, for the log.
    #[cfg(feature = "cli")]
    pub(crate) fn listed(&self) -> String {
        listed(&self.names)
    }

    /// The name of the first secret that others have, too.
    pub(crate) fn shared_with(&self, others: &Self) -> Option<&SecretName> {
        let mut mine = self.names.iter().zip(&self.digests);
        mine.find(|(_, digest)| others.digests.contains(digest)).map(|(name, _)| name)
    }
}

/// Shows the names.
impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}

/// Names of secrets as one text.
fn listed<'n>(names: impl IntoIterator<Item = &'n SecretName>) -> String {
    names.into_iter().map(SecretName::to_string).collect::<Vec<_>>().join(",")
}

/// An endpoint that the program declares, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Declared<'a> {
    pub(crate) name: &'a str,
    /// The variables that the program's endpoints read.
    pub(crate) variables: &'a [&'a str],
}

/// The variables among these sources.
pub(crate) fn variables<'a>(sources: impl Iterator<Item = &'a Sourced<Source>>) -> Vec<&'a str> {
    let variables = sources.filter_map(|source| match &source.value {
        Source::Variable(name) => Some(&**name),
        Source::File(_) => None,
    });
    variables.collect()
}

/// Reads all secrets of an endpoint and reports everything that is wrong with them. Values are separated by commas or line
/// breaks.
///
/// `endpoint` is what is said of it, if the program declares it; `needed` says why a secret is needed, for the message when there is
/// none. Returns what could be read; if that is not all, `problems` says why.
pub(crate) fn read(
    sources: &[Sourced<Source>],
    endpoint: Option<Declared<'_>>,
    needed: &str,
    problems: &mut Problems,
) -> SigningSecrets {
    assemble(sources, endpoint, needed, file::read, problems)
}

/// Does the same as [`read`] with another way to read a file.
fn assemble(
    sources: &[Sourced<Source>],
    endpoint: Option<Declared<'_>>,
    needed: &str,
    mut read_file: impl FnMut(&Path) -> file::Content,
    problems: &mut Problems,
) -> SigningSecrets {
    let mut read = SigningSecrets::default();
    if sources.is_empty() {
        let name = endpoint.map(|endpoint| endpoint.name).unwrap_or_default();
        problems.add(format!(
            "endpoint `{name}` has no signing secret: {needed}; call `.secret_env(\"…\")` or `.secret_file(\"…\")` on it"
        ));
    }
    for (at, source) in sources.iter().enumerate() {
        let named_at = source.origin.place();
        match text_of(source, (endpoint, needed), &mut read_file, problems) {
            Ok((place, text)) => {
                let medium = match source.value {
                    Source::Variable(_) => Medium::Variable,
                    Source::File(_) => Medium::File,
                };
                parse((&format!("{named_at}{place}"), medium), &text, &mut read, problems);
            }
            Err(problem) => problems.add(format!("{named_at}{problem}")),
        }
        read.sources.resize(read.names.len(), at);
    }
    if read.secrets.len() > MOST {
        let of = endpoint.map(|endpoint| format!(" of endpoint `{}`", endpoint.name)).unwrap_or_default();
        problems.add(format!("there are {} signing secrets{of}; the maximum is {MOST}", read.secrets.len()));
    }
    read
}

/// Reads the text of a source, and says where it is from; or says why there is none.
fn text_of(
    Sourced { value: source, origin }: &Sourced<Source>,
    (endpoint, needed): (Option<Declared<'_>>, &str),
    read_file: impl FnOnce(&Path) -> file::Content,
    problems: &mut Problems,
) -> Result<(String, Zeroizing<String>), String> {
    match source {
        Source::File(file) => match read_file(file) {
            Ok(text) => {
                if text.is_readable_by_others {
                    let file = file.display();
                    problems.caution(format!(
                        "every user of this machine can read the secret file {file}: run `chmod o-r` on it"
                    ));
                }
                Ok((format!("the secret file {}", file.display()), text.text))
            }
            Err(_) if looks_like_a_secret(&file.to_string_lossy()) => {
                let cure = "save the endpoint's {} in a file and give the file's name, or set it in an environment \
                            variable";
                Err(misplaced(&file.to_string_lossy(), ("the secret's file", cure), origin))
            }
            Err(error) => Err(format!("the secret file {} cannot be read: {error}", file.display())),
        },
        Source::Variable(name) if looks_like_a_secret(name) => {
            let cure = "give the variable's name, and set the variable to the endpoint's {}";
            Err(misplaced(name, ("the secret's environment variable", cure), origin))
        }
        Source::Variable(name) => match std::env::var(name) {
            Ok(text) => Ok((name.clone(), Zeroizing::new(text))),
            Err(std::env::VarError::NotPresent) => {
                Err(no_secret(name, endpoint, needed, problems.interface()))
            }
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("{name} is not valid UTF-8")),
        },
    }
}

/// The variables in the environment whose names suggest an endpoint's secret.
fn near_misses() -> impl Iterator<Item = String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| {
        let upper = name.to_ascii_uppercase();
        let holds = |words: &[&str]| words.iter().any(|word| upper.contains(word));
        upper.contains("STRIPE") && holds(&["WEBHOOK", "ENDPOINT", "SIGNING"]) && holds(&["SECRET", "KEY"])
    })
}

/// Says that there is no secret, where to get one, and which variables may hold it under another name.
fn no_secret(variable: &str, endpoint: Option<Declared<'_>>, needed: &str, interface: Interface) -> String {
    let program = crate::report::format::program();
    let read = endpoint.map(|endpoint| endpoint.variables).unwrap_or_default();
    let near = near_misses().filter(|name| !read.contains(&&**name));
    let near = near.map(|name| format!("\n- {name} is set, but is not read: is it the secret?"));
    let near: String = near.collect();
    let has_commands = interface == Interface::CommandLine;
    let (whose, instead) = match endpoint {
        Some(Declared { name, .. }) => (format!(" for endpoint `{name}`"), String::new()),
        None if has_commands => (String::new(), ", or name a file with --secret-file".to_owned()),
        None => (String::new(), format!(", or name a file in {FILE_VARIABLE}")),
    };
    let without_stripe = match has_commands {
        true => {
            format!("\n- without Stripe: `{program} dev` generates a secret and sends itself sample events")
        }
        false => String::new(),
    };
    format!(
        "no signing secret{whose}: {needed}{near}\n\
         set {variable}{instead}. Where to get the secret:\n\
         - an endpoint in Stripe: Dashboard > Developers > Webhooks > the endpoint > Signing secret (whsec_…)\n\
         - the Stripe CLI: `stripe listen --print-secret`{without_stripe}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What names a file or a variable, given the secret itself.
    #[test]
    fn a_secret_in_place_of_its_source_is_not_shown() {
        let secret = "whsec_0123456789abcdef0123456789abcdef";
        for source in [Source::File(secret.into()), Source::Variable(secret.to_owned())] {
            let mut problems = Problems::default();
            let endpoint = Declared { name: "connect", variables: &[] };
            read(&[source.by(Origin::Program)], Some(endpoint), "x", &mut problems);
            let told = format!("{problems:?}");
            assert!(!told.contains(secret) && told.contains("the secret itself was given"), "{told}");
        }
    }
}
