//! In place of `tls.rs`, in a program that was built without the feature `tls`: there is no certificate.

use std::path::Path;

use tokio::net::TcpStream;

use super::connections::Connection;
use crate::problems::Problems;
use crate::reload::file::Content;
use crate::reload::{Change, Reloadable};
use crate::report::Report;
use crate::settings::Settings;

#[derive(Debug)]
pub(crate) enum Tls {}

impl Tls {
    /// The check of the settings refuses a certificate.
    pub(crate) fn of(_: &Settings, _: &mut Problems) -> Option<Self> {
        None
    }

    pub(super) fn accept(&self, _: TcpStream, _: Report, _: &Connection) -> TcpStream {
        match *self {}
    }
}

impl Reloadable for Tls {
    fn what(&self) -> &'static str {
        match *self {}
    }

    fn files(&self) -> Vec<&Path> {
        match *self {}
    }

    fn replace(&self, _: Vec<Content>) -> Result<Change, Problems> {
        match *self {}
    }
}
