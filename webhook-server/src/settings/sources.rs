//! Where the settings of a start come from, and which source prevails: a flag, else the environment, else the configuration
//! file, else the program, else the default.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::file::{ConfigFile, Section};
use super::origin::{Origin, Origins, Sourced};
use super::{Setting, Settings, environment, password};
use crate::problems::Problems;
use crate::secrets;

/// The variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "WEBHOOK_CONFIG";

/// The name of the setting that names the file of the secrets, in a program that declares no endpoints.
pub(crate) const SECRET_FILE: &str = "secret-file";

/// A setting's value as text, and what gave it.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) setting: &'static Setting,
    pub(crate) text: OsString,
    pub(crate) origin: Origin,
}

/// Leaves out the text, which may be secret.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (setting, origin) = (self.setting.field, &self.origin);
        f.debug_struct("Given").field("setting", &setting).field("origin", origin).finish_non_exhaustive()
    }
}

/// Everything but the program that may give a setting.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The configuration file.
    pub(crate) config: Option<Sourced<PathBuf>>,
    /// From the environment, or from a flag, which has replaced its variable.
    pub(crate) given: Vec<Given>,
    /// The file of the secrets, in a program that declares no endpoints.
    pub(crate) secret_file: Option<Sourced<PathBuf>>,
    /// Whether a setting is used by what is to start. Others are not read.
    pub(crate) uses: fn(&Setting) -> bool,
}

impl Sources {
    /// The sources of a program without a command line.
    pub(crate) fn of_environment() -> Self {
        let file = |name: &str| {
            let value = std::env::var_os(name)?;
            Some(Sourced { value: value.into(), origin: Origin::Variable(name.to_owned()) })
        };
        Self {
            config: file(CONFIG_VARIABLE),
            given: environment::given(),
            secret_file: file(secrets::FILE_VARIABLE),
            uses: |_| true,
        }
    }

    /// Applies the sources to what the program has set, and notes everything that is wrong with them. Returns what they say of
    /// the endpoints.
    pub(crate) fn apply(
        &self,
        settings: &mut Settings,
        origins: &mut Origins,
        problems: &mut Problems,
    ) -> OfEndpoints {
        environment::check(problems);
        let file = self.config.as_ref().map(|config| ConfigFile::read(config, problems)).unwrap_or_default();
        let of_file = file.given.iter().filter(|given| (self.uses)(given.setting));
        for given in of_file.chain(&self.given) {
            let Given { setting, text, origin } = given;
            if let Some(problem) = password::misplaced(given) {
                problems.add(problem);
            }
            match setting.read(settings, text, origin) {
                Ok(()) => origins.note(setting, origin),
                Err(problem) => {
                    problems.add(problem);
                    origins.note_unread(setting);
                }
            }
        }
        // The environment overrides the file, also where it gives the secret itself.
        let has_secret = std::env::var_os(secrets::VARIABLE).is_some();
        let of_file = file.secret_file.filter(|_| !has_secret);
        OfEndpoints { secret_file: self.secret_file.clone().or(of_file), sections: file.sections }
    }
}

/// What the sources say of a program's endpoints.
#[derive(Debug)]
pub(crate) struct OfEndpoints {
    /// The file of the secrets, for a program that declares no endpoints.
    pub(crate) secret_file: Option<Sourced<PathBuf>>,
    /// The sections of the file, for one that declares some.
    pub(crate) sections: Vec<Section>,
}

/// Finds a setting by the name that it has in a file.
pub(super) fn named(name: &str) -> Option<&'static Setting> {
    Settings::TABLE.iter().find(|setting| setting.name() == name)
}
