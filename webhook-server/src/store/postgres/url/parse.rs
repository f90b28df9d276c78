//! Reading a URL. An error says what the URL must be instead, as the end of a sentence.

use percent_encoding::percent_decode_str;
use tokio_postgres::config::ChannelBinding;
use zeroize::Zeroizing;

use super::{Encryption, Host, PORT, Roots, Url};
use crate::store::location::SCHEMES;

/// The parameters that a URL may have.
const PARAMETERS: [&str; 10] = [
    "application_name",
    "channel_binding",
    "host",
    "options",
    "password",
    "port",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

impl Url {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// Says what it must be instead. No part of the URL that may be a password is repeated.
    pub(in crate::store::postgres) fn parse(text: &str) -> Result<Self, String> {
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.ok_or("a URL that begins with postgres://")?;
        let (before, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = before.split_once('/').unwrap_or((before, ""));
        if database.contains('@') || parameters.contains('@') && !before.contains('@') {
            return Err(
                "a URL whose password is percent-encoded (`/` as %2F, `?` as %3F, `@` as %40)".to_owned()
            );
        }
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) =
            login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
        let mut read = Read {
            user: some(decoded(user)?),
            password: password.map(decoded).transpose()?.map(Zeroizing::new),
            hosts: hosts_of(hosts)?,
            ..Read::default()
        };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            read.set(name, decoded(value)?)?;
        }
        read.finish(decoded(database)?)
    }
}

/// What was read so far.
#[derive(Default)]
struct Read {
    hosts: Vec<(String, Option<u16>)>,
    ports: Vec<u16>,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
    encryption: Option<Encryption>,
    roots: Option<Roots>,
    channel_binding: Option<ChannelBinding>,
    options: Option<String>,
    application_name: Option<String>,
}

impl Read {
    /// Sets what a parameter says.
    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "host" => self.hosts = value.split(',').map(|host| (host.to_owned(), None)).collect(),
            "port" => self.ports = value.split(',').map(port).collect::<Result<_, _>>()?,
            "user" => self.user = some(value),
            "password" => self.password = Some(Zeroizing::new(value)),
            "options" => self.options = some(value),
            "application_name" => self.application_name = some(value),
            "sslmode" => self.encryption = Some(encryption(&value)?),
            "sslrootcert" if value == "system" => self.roots = Some(Roots::System),
            "sslrootcert" => self.roots = Some(Roots::File(value.into())),
            "channel_binding" => self.channel_binding = Some(channel_binding(&value)?),
            // Only the primary is ever used.
            "target_session_attrs" if ["any", "read-write", "primary"].contains(&&*value) => {}
            "target_session_attrs" => {
                return Err("a URL whose `target_session_attrs`, if it has any, is read-write".to_owned());
            }
            _ => {
                let shown: String = name.chars().take(32).filter(|char| !char.is_control()).collect();
                return Err(format!(
                    "a URL without the parameter `{shown}`; those that it may have are {}",
                    PARAMETERS.join(", ")
                ));
            }
        }
        Ok(())
    }

    fn finish(self, database: String) -> Result<Url, String> {
        if self.hosts.is_empty() || self.hosts.iter().any(|(name, _)| name.is_empty()) {
            return Err("a URL that names a host, such as postgres://user@host/database".to_owned());
        }
        if database.is_empty() {
            return Err("a URL that names a database, such as postgres://user@host/database".to_owned());
        }
        if self.ports.len() > 1 && self.ports.len() != self.hosts.len() {
            return Err("a URL with one port, or one for each host".to_owned());
        }
        let port = |at: usize| self.ports.get(at).or(self.ports.first()).copied().unwrap_or(PORT);
        let hosts = self.hosts.iter().enumerate();
        let hosts =
            hosts.map(|(at, (name, own))| Host { name: name.clone(), port: own.unwrap_or_else(|| port(at)) });
        // As in PostgreSQL's own programs: a URL that names certificates asks for a check.
        let encryption = match (self.encryption.unwrap_or(Encryption::Prefer), &self.roots) {
            (Encryption::Require, Some(Roots::File(_))) => Encryption::VerifyCa,
            (Encryption::Prefer | Encryption::Require, Some(Roots::System)) => Encryption::VerifyFull,
            (encryption, _) => encryption,
        };
        Ok(Url {
            hosts: hosts.collect(),
            user: self.user,
            password: self.password,
            database,
            encryption,
            roots: self.roots,
            channel_binding: self.channel_binding.unwrap_or(ChannelBinding::Prefer),
            options: self.options,
            application_name: self.application_name,
        })
    }
}

/// Nothing, if a text is empty.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| "a URL whose percent-encoding is valid UTF-8".to_owned())?;
    if decoded.contains('\0') {
        return Err("a URL without a NUL (%00)".to_owned());
    }
    Ok(decoded.into_owned())
}

/// The hosts between `@` and `/`.
fn hosts_of(text: &str) -> Result<Vec<(String, Option<u16>)>, String> {
    let host = |text: &str| {
        let (name, rest) = match text.strip_prefix('[') {
            Some(address) => address.split_once(']').ok_or("a URL whose `[` has a `]`")?,
            None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
        };
        let port = rest.strip_prefix(':').filter(|port| !port.is_empty()).map(port).transpose()?;
        Ok((decoded(name)?, port))
    };
    if text.is_empty() { Ok(Vec::new()) } else { text.split(',').map(host).collect() }
}

fn port(text: &str) -> Result<u16, String> {
    // What stands in its place may be the end of a password.
    text.parse()
        .map_err(|_| "a URL whose ports are numbers, and whose password is percent-encoded".to_owned())
}

fn encryption(value: &str) -> Result<Encryption, String> {
    Ok(match value {
        "disable" => Encryption::Disable,
        "prefer" => Encryption::Prefer,
        "require" => Encryption::Require,
        "verify-ca" => Encryption::VerifyCa,
        "verify-full" => Encryption::VerifyFull,
        _ => {
            return Err(
                "a URL whose `sslmode` is disable, prefer, require, verify-ca or verify-full".to_owned()
            );
        }
    })
}

fn channel_binding(value: &str) -> Result<ChannelBinding, String> {
    Ok(match value {
        "disable" => ChannelBinding::Disable,
        "prefer" => ChannelBinding::Prefer,
        "require" => ChannelBinding::Require,
        _ => return Err("a URL whose `channel_binding` is disable, prefer or require".to_owned()),
    })
}
