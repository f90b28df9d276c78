//! In place of `systemd.rs`, on systems without it.

use std::net::TcpListener;

pub(crate) fn ready() {}

pub(crate) fn reloading() {}

pub(crate) fn stopping() {}

pub(crate) async fn keep_alive() {}

pub(crate) fn passed_listener() -> Result<Option<TcpListener>, String> {
    Ok(None)
}
