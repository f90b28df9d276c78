//! The configuration file: TOML, whose keys are named like the flags.
//!
//! ```toml
//! listen = "0.0.0.0:4242"
//! body-limit = 1048576
//!
//! [endpoint.connect]
//! secret-file = "/run/secrets/connect"
//! ```
//!
//! It is read with the place of each key, so that each mistake is reported with its line. It never holds a secret: a
//! line that does is refused, and its text is shown nowhere.

mod lines;
mod section;
mod syntax;
#[cfg(test)]
mod tests;
mod unknown;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::lines::Lines;
pub(crate) use self::section::Section;
use self::syntax::Mistake;
use super::Given;
use super::origin::{Origin, Sourced};
use super::sources::{SECRET_FILE, named};
use super::value::Kind;
use crate::problems::Problems;
use crate::report::format::{masked, printable};
use crate::secrets::{Held, held};

/// The maximum size of a file, in bytes: more than any needs.
const LONGEST: u64 = 1024 * 1024;

/// The maximum number of problems that are reported one by one. A file with more is probably not a configuration file.
const MOST: usize = 20;

/// The table that holds a section for each endpoint.
const ENDPOINT: &str = "endpoint";

/// What a configuration file contains.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    /// The settings, in the order of the file.
    pub(crate) given: Vec<Given>,
    /// The file of the secrets, in a program that declares no endpoints.
    pub(crate) secret_file: Option<Sourced<PathBuf>>,
    /// What is set for endpoints that the program declares.
    pub(crate) sections: Vec<Section>,
}

impl ConfigFile {
    /// Reads a file, and notes everything that is wrong with it.
    pub(crate) fn read(config: &Sourced<PathBuf>, problems: &mut Problems) -> Self {
        let path = &config.value;
        match text_of(path) {
            Ok(text) => Reader::new(path, &text, problems).read(),
            Err(error) => {
                problems.add(format!(
                    "{} is {:?}: the configuration file cannot be read: {error}",
                    config.origin.subject("config"),
                    masked(&path.to_string_lossy())
                ));
                Self::default()
            }
        }
    }
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is too large for a configuration file"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;
type Value<'t> = Spanned<DeValue<'t>>;

/// Reads one text.
struct Reader<'r> {
    path: Arc<Path>,
    text: &'r str,
    lines: Lines<'r>,
    problems: &'r mut Problems,
    /// The number of problems, including those that are only counted.
    found: usize,
    /// The lines that were refused as a whole. Nothing else is said about them.
    refused: BTreeSet<usize>,
    file: ConfigFile,
}

impl<'r> Reader<'r> {
    fn new(path: &Path, text: &'r str, problems: &'r mut Problems) -> Self {
        Self {
            path: path.into(),
            text,
            lines: Lines::of(text),
            problems,
            found: 0,
            refused: BTreeSet::new(),
            file: ConfigFile::default(),
        }
    }

    fn read(mut self) -> ConfigFile {
        self.refuse_secrets();
        let (table, mut errors) = DeTable::parse_recoverable(self.text);
        errors.sort_by_key(|error| self.lines.number(start_of(error)));
        self.refuse_mistakes(&errors);
        for (key, value) in in_order(table.get_ref()) {
            if !self.is_refused(key) {
                self.top_level(key, value);
            }
        }
        self.report_rest();
        self.file
    }

    /// Refuses each line that holds a secret, also in a comment.
    fn refuse_secrets(&mut self) {
        for (number, line) in (1..).zip(self.text.lines()) {
            let what = match held(line) {
                Some(Held::Secret) => format!("this line holds a signing secret\n{NO_SECRETS}"),
                Some(Held::ApiKey) => format!("this line holds an API key\n{NO_API_KEYS}"),
                None => continue,
            };
            self.refused.insert(number);
            self.problem(number, &what);
        }
    }

    /// Refuses each line that is not TOML.
    fn refuse_mistakes(&mut self, errors: &[toml::de::Error]) {
        // The lines where sections begin that were there before.
        let mut doubled = BTreeSet::new();
        for error in errors {
            let at = start_of(error);
            let (line, section) = (self.lines.number(at), self.lines.section(at));
            if syntax::is_doubled(error.message()) {
                if section == Some(line) {
                    doubled.insert(line);
                } else if section.is_some_and(|section| doubled.contains(&section)) {
                    // The keys of a doubled section are not reported one by one.
                    self.refused.insert(line);
                }
            }
            if self.refused.insert(line) && self.is_reported() {
                let Mistake { at, what } = syntax::explain(self.text, at, error.message());
                self.report(format_args!("{line}:{}", self.lines.column(at)), &what);
            }
        }
    }

    fn top_level(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let name: &str = &printable(key.get_ref());
        if let Some(setting) = named(name) {
            if let Some(text) = self.text_of(key, value, setting.kind, setting.expected) {
                let origin = self.origin(key);
                self.file.given.push(Given { setting, text: text.into(), origin });
            }
        } else if name == SECRET_FILE {
            if let Some(text) = self.text_of(key, value, Kind::Text, "a file's name") {
                self.file.secret_file = Some(Sourced { value: text.into(), origin: self.origin(key) });
            }
        } else if name == ENDPOINT {
            self.endpoints(key, value);
        } else {
            let what = if value.get_ref().is_table() { "section" } else { "setting" };
            self.unknown(key, || unknown::at_top_level(name, what));
        }
    }

    /// The text of a value, if it is of the right type.
    fn text_of(&mut self, key: &Key<'_>, value: &Value<'_>, kind: Kind, expected: &str) -> Option<String> {
        let text = match (kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => Some(text.to_string()),
            (Kind::Number, DeValue::Integer(number)) => {
                i128::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
            }
            (Kind::Switch, DeValue::Boolean(is_on)) => Some(is_on.to_string()),
            _ => None,
        };
        let line = self.lines.number(key.span().start);
        if text.is_none() {
            let shown = self.shown(value);
            let is_text = matches!(value.get_ref(), DeValue::String(_));
            let form = match kind {
                Kind::Text => ", in quotes",
                Kind::Number | Kind::Switch if is_text => ", without quotes",
                Kind::Number | Kind::Switch => "",
            };
            let name = printable(key.get_ref());
            self.problem(line, &format!("`{name}` is {shown}: it must be {expected}{form}"));
        }
        text
    }

    /// A value as it is written, if it is short.
    fn shown(&self, value: &Value<'_>) -> String {
        match value.get_ref() {
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a section".to_owned(),
            _ => printable(&masked(self.text.get(value.span()).unwrap_or_default())),
        }
    }

    /// Refuses a key that does not exist. `problem` takes time, so it is called only if the problem is reported.
    fn unknown(&mut self, key: &Key<'_>, problem: impl FnOnce() -> String) {
        if self.is_reported() {
            self.report(self.lines.number(key.span().start), &problem());
        }
    }

    /// Notes a problem at a line.
    fn problem(&mut self, line: usize, problem: &str) {
        if self.is_reported() {
            self.report(line, problem);
        }
    }

    /// Counts a problem, and returns whether it is reported.
    fn is_reported(&mut self) -> bool {
        self.found += 1;
        self.found <= MOST
    }

    /// Reports a problem at a line, or at a line and a column. What comes from the file is printable already.
    fn report(&mut self, place: impl fmt::Display, problem: &str) {
        self.problems.add(format_args!("{}:{place}: {problem}", self.printable_path()));
    }

    /// Says how many problems were only counted.
    fn report_rest(&mut self) {
        match self.found.saturating_sub(MOST) {
            0 => {}
            1 => self.problems.add(format_args!("{}: and 1 more mistake", self.printable_path())),
            more => self.problems.add(format_args!("{}: and {more} more mistakes", self.printable_path())),
        }
    }

    fn printable_path(&self) -> String {
        printable(&self.path.display().to_string())
    }

    /// Whether the line of a key was refused.
    fn is_refused(&self, key: &Key<'_>) -> bool {
        self.refused.contains(&self.lines.number(key.span().start))
    }

    fn origin(&self, key: &Key<'_>) -> Origin {
        Origin::File { path: Arc::clone(&self.path), line: self.lines.number(key.span().start) }
    }
}

/// The byte where the parser failed.
fn start_of(error: &toml::de::Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// Why a secret is refused, and where it belongs.
const NO_SECRETS: &str = "a configuration file is copied, reviewed and committed, so no secret belongs in it. Save the \
                          secret in a file that only this user can read and name that file as `secret-file`, or set it \
                          in an environment variable. If others could read it here, roll it in the Dashboard";

/// Why an API key is refused, and what is needed in its place.
const NO_API_KEYS: &str = "a configuration file is copied, reviewed and committed, so no key belongs in it. What verifies \
                           events is the endpoint's signing secret (whsec_…), in a file of its own that `secret-file` names. \
                           A key to ask Stripe's API with belongs in STRIPE_API_KEY, or in a file that \
                           `stripe-api-key-file` names. If others could read the key here, roll it in the Dashboard";

/// The entries of a table in the order in which they are written.
fn in_order<'d, 't>(table: &'d DeTable<'t>) -> Vec<(&'d Key<'t>, &'d Value<'t>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
