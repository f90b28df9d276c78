//! The URL of a database: where it is, who logs in, and how the connection is encrypted.
//!
//! Its form and its words are those of PostgreSQL's own programs. No message contains the password.

mod parse;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslMode};
use zeroize::Zeroizing;

use crate::report::format::program;

/// Whether the socket still works is asked after this time without traffic.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// How long what was sent may stay unacknowledged before the connection is given up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

/// The port of a host without one.
const PORT: u16 = 5432;

/// The maximum length of an application's name, in bytes.
const LONGEST_NAME: usize = 63;

/// What a URL says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// At least one. They are servers of one cluster, of which one is the primary.
    pub(super) hosts: Vec<Host>,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
    database: String,
    pub(super) encryption: Encryption,
    pub(super) roots: Option<Roots>,
    channel_binding: ChannelBinding,
    options: Option<String>,
    application_name: Option<String>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// A name, an address, or the folder of a Unix socket.
    name: String,
    port: u16,
}

/// Whether a connection is encrypted, and what of the server's certificate is checked. A Unix socket's never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    Disable,
    /// If the server offers it.
    Prefer,
    Require,
    /// A trusted certificate has signed the server's.
    VerifyCa,
    /// It is also for this host.
    VerifyFull,
}

/// The certificates that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    System,
    File(PathBuf),
}

impl Host {
    /// Whether it is a Unix socket.
    fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }

    /// Whether nothing that is sent there leaves this machine.
    fn is_local(&self) -> bool {
        let is_loopback = |address: std::net::IpAddr| address.is_loopback();
        self.is_socket() || self.name == "localhost" || self.name.parse().is_ok_and(is_loopback)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { name, port: PORT } => f.write_str(name),
            Self { name, port } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self { name, port } => write!(f, "{name}:{port}"),
        }
    }
}

impl Url {
    /// What the driver needs to connect to one of the hosts.
    pub(super) fn config(&self, host: &Host) -> Config {
        let mut config = Config::new();
        config.host(&host.name).port(host.port).dbname(&self.database);
        if let Some(user) = &self.user {
            config.user(user);
        }
        if let Some(password) = &self.password {
            config.password(password.as_bytes());
        }
        if let Some(options) = &self.options {
            config.options(options);
        }
        config.ssl_mode(match self.encryption {
            _ if host.is_socket() => SslMode::Disable,
            Encryption::Disable => SslMode::Disable,
            Encryption::Prefer => SslMode::Prefer,
            Encryption::Require | Encryption::VerifyCa | Encryption::VerifyFull => SslMode::Require,
        });
        config.channel_binding(if host.is_socket() { ChannelBinding::Prefer } else { self.channel_binding });
        config.application_name(self.application_name());
        config.keepalives(true).keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES).tcp_user_timeout(UNACKNOWLEDGED);
        config
    }

    /// How the connections are called in the server's list.
    fn application_name(&self) -> String {
        let program = PathBuf::from(program());
        let program = program.file_name().unwrap_or_default().to_string_lossy();
        let name = self.application_name.clone().unwrap_or_else(|| format!("webhook-server {program}"));
        name.char_indices()
            .take_while(|(at, char)| at + char.len_utf8() <= LONGEST_NAME)
            .map(|(_, char)| char)
            .collect()
    }

    /// Warns where others could read what is sent, or pose as the database.
    pub(super) fn caution(&self) -> Option<String> {
        let host = self.hosts.iter().find(|host| !host.is_local())?;
        let what = match (self.encryption, &self.roots) {
            (Encryption::VerifyFull | Encryption::VerifyCa, _) => return None,
            (Encryption::Disable, _) => "not encrypted",
            (Encryption::Prefer, _) => {
                "encrypted only if the server offers it, and its certificate is not checked"
            }
            (Encryption::Require, _) => "encrypted, but the server's certificate is not checked",
        };
        Some(format!(
            "the connection to the inbox's database on {host} is {what}\n\
             add `sslmode=verify-full` to its URL, and `sslrootcert=FILE` unless the system trusts its certificate"
        ))
    }
}

/// Shows where the database is.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.hosts.iter().map(Host::to_string).collect();
        write!(f, "{} on {}", self.database, hosts.join(","))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod tests;
