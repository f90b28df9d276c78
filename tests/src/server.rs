//! A program that serves, and signed events for it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::Command;

use webhook_core::{Secret, sign};

use crate::process::{Ended, Process, Stream, program};
use crate::{Answer, exchange, unix_now};

/// The secret that [`Server`]s are given.
pub const SECRET: &str = "whsec_product_test_0123456789abcdef";

/// A good secret that no server has.
pub const OTHER_SECRET: &str = "whsec_product_test_fedcba9876543210";

/// A program's `serve`, on a port that was free.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
    pub url: String,
}

impl Server {
    /// Starts it with [`SECRET`], and waits until it listens.
    #[track_caller]
    pub fn start(executable: impl AsRef<OsStr>, flags: &[&str]) -> Self {
        Self::from_command(program(executable).env("STRIPE_WEBHOOK_SECRET", SECRET), flags)
    }

    /// Starts it in an environment that the command has.
    #[track_caller]
    pub fn from_command(command: &mut Command, flags: &[&str]) -> Self {
        Self::try_from_command(command, flags).unwrap_or_else(|refused| panic!("{refused:#?}"))
    }

    /// Starts it with admin pages, and returns where they are.
    #[track_caller]
    pub fn with_admin(command: &mut Command, flags: &[&str]) -> (Self, SocketAddr) {
        let flags: Vec<&str> = ["--admin", "127.0.0.1:0"].iter().chain(flags).copied().collect();
        let server = Self::from_command(command, &flags);
        let admin = server.process.line(Stream::Stderr, |line| {
            line.split_once("admin=\"http://")?.1.split('"').next()?.parse().ok()
        });
        (server, admin)
    }

    /// Starts it where another one has listened.
    #[track_caller]
    pub fn listening_on(address: SocketAddr, command: &mut Command) -> Self {
        let started = Self::try_listening_on(&address.to_string(), command, &[]);
        started.unwrap_or_else(|refused| panic!("{refused:#?}"))
    }

    /// Starts it, or returns how it ended before it listened.
    #[track_caller]
    pub fn try_from_command(command: &mut Command, flags: &[&str]) -> Result<Self, Ended> {
        Self::try_listening_on("127.0.0.1:0", command, flags)
    }

    #[track_caller]
    fn try_listening_on(address: &str, command: &mut Command, flags: &[&str]) -> Result<Self, Ended> {
        let process = Process::start(command.args(["serve", "--listen", address]).args(flags));
        let Some(url) = process.line_or_end(Stream::Stderr, url_in) else { return Err(process.wait()) };
        let address = url.split('/').nth(2).and_then(|address| address.parse().ok());
        Ok(Self { process, address: address.expect("the URL has an address"), url })
    }

    /// Posts a body with good signature.
    #[track_caller]
    pub fn post(&self, body: &[u8]) -> Answer {
        send(self.address, &signed(&[SECRET], unix_now(), body), body)
    }

    /// Stops it as an operator does, and expects that it ends well.
    #[track_caller]
    pub fn stop(self) -> Ended {
        self.process.signal("TERM");
        self.process.wait().with_code(0)
    }
}

/// Finds the URL in the line of the log that says where a server listens.
pub fn url_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening url=\"")?;
    rest.split('"').next().map(str::to_owned)
}

/// Signs a body with every secret.
pub fn signed(secrets: &[&str], at: u64, body: &[u8]) -> String {
    let secrets: Vec<_> = secrets.iter().map(|text| Secret::new(text).expect("a good secret")).collect();
    sign(&secrets, at, body)
}

/// Posts a body with a signature header, to the path that Stripe's examples use.
#[track_caller]
pub fn send(to: SocketAddr, signature: &str, body: &[u8]) -> Answer {
    exchange(to, "POST", "/webhook", &[("Stripe-Signature", signature.as_bytes())], body)
}
