//! Where a key comes from: an environment variable, a file, or a login of the Stripe CLI; never the command line.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::{ApiKey, cli_profile};
use crate::problems::Problems;
use crate::reload::file;
use crate::report::format::printable;
use crate::secrets::{Medium, looks_like_a_secret};
use crate::settings::{API_KEY_VARIABLE, Interface, Origin, Origins, Settings};

/// The variable that names a profile of the Stripe CLI.
const PROFILE_VARIABLE: &str = "STRIPE_PROJECT_NAME";

/// Who asks for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller<'c> {
    /// A server, because this handler reads from Stripe's API. It never takes the key of a person.
    Server { handler: &'c str },
    /// A command that a person runs, who may have named a profile of the Stripe CLI.
    Person { profile: Option<&'c str> },
}

/// What the environment says of the key.
#[derive(Default)]
pub(crate) struct Environment {
    key: Option<Zeroizing<OsText>>,
    profile: Option<String>,
    /// The configuration file of the Stripe CLI, if there is a place for one.
    cli_config: Option<PathBuf>,
}

/// The text of a variable; `None` if it is not UTF-8.
type OsText = Option<String>;

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        Self::of(|name| std::env::var_os(name))
    }

    pub(super) fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
        Self {
            key: variable(API_KEY_VARIABLE).map(|text| Zeroizing::new(text.into_string().ok())),
            profile: variable(PROFILE_VARIABLE).and_then(|name| name.into_string().ok()),
            cli_config: config.map(|config| config.join("stripe/config.toml")),
        }
    }
}

/// Leaves out the key.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("has_key", &self.key.is_some()).finish_non_exhaustive()
    }
}

/// Where a key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// In [`API_KEY_VARIABLE`].
    Variable,
    File(PathBuf),
    /// In the configuration file of the Stripe CLI.
    CliProfile {
        file: PathBuf,
        name: String,
    },
}

impl fmt::Display for KeyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable => f.write_str(API_KEY_VARIABLE),
            Self::File(file) => write!(f, "the file {}", file.display()),
            Self::CliProfile { file, name } => {
                write!(f, "the profile `{name}` of the Stripe CLI ({})", file.display())
            }
        }
    }
}

/// A key, and where it is from.
#[derive(Clone, Debug)]
pub(crate) struct FoundKey {
    pub(crate) key: ApiKey,
    pub(crate) origin: KeyOrigin,
    /// The day on which it expires, as in `2027-02-20`, if that is known.
    pub(crate) expires: Option<String>,
}

/// As in "rk_test_… from STRIPE_API_KEY".
impl fmt::Display for FoundKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.key, self.origin)?;
        let expires = self.expires.as_ref().map(|day| format!(", which expires on {}", printable(day)));
        f.write_str(&expires.unwrap_or_default())
    }
}

/// Finds the key, and notes everything that is wrong with it; or that there is none.
pub(crate) fn find(
    (settings, origins): (&Settings, &Origins),
    environment: &Environment,
    caller: Caller<'_>,
    problems: &mut Problems,
) -> Option<FoundKey> {
    let file = settings.stripe_api_key_file.as_deref();
    let origin = origins.outside("stripe_api_key_file");
    let is_of_this_start = matches!(origin, Some(Origin::Flag(_) | Origin::Variable(_)));
    let found = match (file, &environment.key) {
        (Some(file), None) => of_file(file, origin, problems),
        (Some(file), Some(_)) if is_of_this_start => of_file(file, origin, problems),
        (_, Some(text)) => of_variable(text),
        (None, None) => match caller {
            Caller::Person { profile } => of_cli(environment, profile, problems),
            Caller::Server { .. } => Ok(None),
        },
    };
    match found {
        Ok(Some(found)) => Some(found),
        Ok(None) => {
            problems.add(missing(caller, problems.interface()));
            None
        }
        Err(problem) => {
            problems.add(problem);
            None
        }
    }
}

fn of_variable(text: &OsText) -> Result<Option<FoundKey>, String> {
    let text = text.as_ref().ok_or_else(|| format!("{API_KEY_VARIABLE} is not valid UTF-8"))?;
    let key = ApiKey::new(text, Medium::Variable).map_err(|what| format!("{API_KEY_VARIABLE}: {what}"))?;
    Ok(Some(FoundKey { key, origin: KeyOrigin::Variable, expires: None }))
}

fn of_file(
    file: &Path,
    origin: Option<&Origin>,
    problems: &mut Problems,
) -> Result<Option<FoundKey>, String> {
    let place = origin.map(Origin::place).unwrap_or_default();
    if looks_like_a_secret(&file.to_string_lossy()) {
        let seen = match origin {
            Some(Origin::Flag(_)) => {
                ". Others may have seen it in the list of processes: if so, roll it in the Dashboard"
            }
            _ => "",
        };
        return Err(format!(
            "{place}the key itself was given where the name of its file belongs\n\
             save the key in a file and give the file's name, or set {API_KEY_VARIABLE}{seen}"
        ));
    }
    let shown = file.display();
    let text =
        file::read(file).map_err(|error| format!("{place}the key file {shown} cannot be read: {error}"))?;
    if text.is_readable_by_others {
        problems.caution(format!(
            "every user of this machine can read the key file {shown}: run `chmod o-r` on it"
        ));
    }
    let key =
        ApiKey::new(&text, Medium::File).map_err(|what| format!("{place}the key file {shown}: {what}"))?;
    Ok(Some(FoundKey { key, origin: KeyOrigin::File(file.to_owned()), expires: None }))
}

fn of_cli(
    environment: &Environment,
    named: Option<&str>,
    problems: &mut Problems,
) -> Result<Option<FoundKey>, String> {
    let Some(file) = &environment.cli_config else { return Ok(None) };
    let named = named.or(environment.profile.as_deref());
    let Some(profile) = cli_profile::read(file, named)? else { return Ok(None) };
    let origin = KeyOrigin::CliProfile { file: file.clone(), name: profile.name };
    let key =
        ApiKey::new(&profile.key, Medium::File).map_err(|what| format!("the key in {origin}: {what}"))?;
    if let Some(day) = profile.expires.as_deref().filter(|day| is_over(day)) {
        return Err(format!("the key in {origin} expired on {}: run `stripe login`", printable(day)));
    }
    if profile.is_readable_by_others {
        problems.caution(format!(
            "every user of this machine can read the Stripe CLI's file {}: run `chmod o-r` on it",
            file.display()
        ));
    }
    Ok(Some(FoundKey { key, origin, expires: profile.expires }))
}

/// Whether a day, as in `2027-02-20`, is in the past.
fn is_over(day: &str) -> bool {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let is_a_day = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_a_day && *day < now[..10]
}

/// Says that there is no key, and where to get one.
fn missing(caller: Caller<'_>, interface: Interface) -> String {
    let file = interface.to_set("stripe_api_key_file");
    let (needed_by, login) = match caller {
        Caller::Person { .. } => {
            (String::new(), "\n- or run `stripe login`: the test key of the Stripe CLI is used, too")
        }
        Caller::Server { handler } => (format!(", which handler {handler} needs"), ""),
    };
    format!(
        "no key of Stripe's API{needed_by}\n\
         set {API_KEY_VARIABLE}, or name a file with {file}. Where to get a key:\n\
         - Dashboard > Developers > API keys > Create restricted key (rk_…){login}"
    )
}
