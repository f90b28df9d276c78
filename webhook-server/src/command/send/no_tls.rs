//! In place of `tls.rs`, in a program that was built without the feature `tls`.

use std::io;
use std::path::Path;

use tokio::net::TcpStream;

pub(super) async fn connect(_: TcpStream, _: &str, _: Option<&Path>) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}
