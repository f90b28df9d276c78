//! The address to listen on: reserved before any file is created, listened on when everything is ready.
//!
//! A server that cannot have its address creates no inbox, and accepts no connection before the inbox is recovered.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::receive::listener::Listener;

/// The length of the accept queue.
const BACKLOG: u32 = 4096;

/// The first port that a program without privileges may use.
const FIRST_FREE_PORT: u16 = 1024;

/// An address that this process has taken. Connections are refused until it [listens](Self::listen).
#[derive(Debug)]
pub(crate) struct Reserved {
    socket: Socket,
    address: SocketAddr,
    /// What gave the address.
    setting: &'static str,
}

#[derive(Debug)]
enum Socket {
    Bound(TcpSocket),
    /// It was passed by systemd, which listens already.
    Passed(std::net::TcpListener),
}

impl Reserved {
    /// Takes an address, which the setting of this name gave.
    ///
    /// # Errors
    ///
    /// Says in one sentence why it is not available, and what to do.
    pub(crate) fn new(address: SocketAddr, setting: &'static str) -> Result<Self, Unavailable> {
        let reserve = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // On other systems this would take the address from the program that has it.
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        };
        match reserve() {
            Ok(socket) => Ok(Self { socket: Socket::Bound(socket), address, setting }),
            Err(error) => Err(Unavailable { address, setting, error }),
        }
    }

    /// Starts to listen: from now on the system accepts connections into the queue.
    ///
    /// # Errors
    ///
    /// Says in one sentence why it cannot listen, and what to do.
    pub(crate) fn listen(self) -> Result<Listener, Unavailable> {
        let Self { address, setting, .. } = self;
        let (socket, is_passed) = match self.socket {
            Socket::Bound(socket) => (socket.listen(BACKLOG), false),
            Socket::Passed(listener) => (TcpListener::from_std(listener), true),
        };
        socket.map(|socket| Listener { socket, is_passed }).map_err(|error| Unavailable {
            address,
            setting,
            error,
        })
    }

    /// Takes a socket that was passed by systemd, in place of this address.
    #[cfg(feature = "cli")]
    pub(crate) fn passed(listener: std::net::TcpListener, instead_of: SocketAddr) -> Self {
        Self { socket: Socket::Passed(listener), address: instead_of, setting: "listen" }
    }
}

/// Why an address is not available: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", advice(*address, setting, error))]
pub(crate) struct Unavailable {
    address: SocketAddr,
    setting: &'static str,
    error: io::Error,
}

impl Unavailable {
    /// Whether another program has it.
    pub(crate) fn is_in_use(&self) -> bool {
        self.error.kind() == ErrorKind::AddrInUse
    }
}

/// Says in words why the system refused, and what to do.
fn advice(address: SocketAddr, setting: &str, error: &io::Error) -> String {
    let (ip, port) = (address.ip(), address.port());
    let choose = format!("choose another address with --{setting} (or WEBHOOK_{})", setting.to_uppercase());
    match error.kind() {
        ErrorKind::AddrInUse => format!("another program listens there; stop it, or {choose}"),
        ErrorKind::AddrNotAvailable => format!(
            "{ip} is not an address of this machine; {choose}: {} for this machine alone, {} for all of its addresses",
            SocketAddr::new(if ip.is_ipv4() { [127, 0, 0, 1].into() } else { IpAddr::V6(1.into()) }, port),
            SocketAddr::new(if ip.is_ipv4() { [0, 0, 0, 0].into() } else { IpAddr::V6(0.into()) }, port),
        ),
        ErrorKind::PermissionDenied if port < FIRST_FREE_PORT && port > 0 => format!(
            "this user may not use ports below {FIRST_FREE_PORT}; {choose}, such as {}, or give the program the \
             capability CAP_NET_BIND_SERVICE",
            SocketAddr::new(ip, 4242)
        ),
        ErrorKind::PermissionDenied => format!("the system does not allow it ({error}); {choose}"),
        _ if address.is_ipv6() && is_unknown_family(error) => {
            format!("this machine has no IPv6; {choose}, such as 127.0.0.1:{port}")
        }
        _ if is_link_local(ip) => format!(
            "{error}; a link-local address needs the number of its interface, such as [{ip}%2]:{port}; or {choose}"
        ),
        _ => format!("{error}; {choose}"),
    }
}

#[cfg(unix)]
fn is_unknown_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(not(unix))]
fn is_unknown_family(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported
}

fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_advice() {
        for (address, error, expected) in [
            ("127.0.0.1:80", io::Error::from(ErrorKind::AddrInUse), "another program listens there; stop it"),
            (
                "192.0.2.1:80",
                ErrorKind::AddrNotAvailable.into(),
                "192.0.2.1 is not an address of this machine",
            ),
            (
                "192.0.2.1:80",
                ErrorKind::AddrNotAvailable.into(),
                "127.0.0.1:80 for this machine alone, 0.0.0.0:80 for",
            ),
            (
                "[2001:db8::1]:80",
                ErrorKind::AddrNotAvailable.into(),
                "[::1]:80 for this machine alone, [::]:80 for",
            ),
            ("0.0.0.0:443", ErrorKind::PermissionDenied.into(), "may not use ports below 1024"),
            ("0.0.0.0:443", ErrorKind::PermissionDenied.into(), "such as 0.0.0.0:4242"),
            ("0.0.0.0:8443", ErrorKind::PermissionDenied.into(), "the system does not allow it"),
            ("[fe80::1]:80", ErrorKind::InvalidInput.into(), "[fe80::1%2]:80"),
            ("127.0.0.1:80", ErrorKind::OutOfMemory.into(), "out of memory; choose another address"),
            #[cfg(unix)]
            (
                "[::1]:80",
                io::Error::from_raw_os_error(rustix::io::Errno::AFNOSUPPORT.raw_os_error()),
                "this machine has no IPv6; choose another address with --listen (or WEBHOOK_LISTEN), such as 127.0.0.1:80",
            ),
        ] {
            let address = address.parse().expect("it is an address");
            let in_use = error.kind() == ErrorKind::AddrInUse;
            let told = Unavailable { address, setting: "listen", error }.to_string();
            assert!(
                told.starts_with(&format!("cannot listen on {address}: ")) && told.contains(expected),
                "{told}"
            );
            assert_eq!(told.contains("stop it"), in_use, "only what is in use can be stopped: {told}");
        }
    }
}
