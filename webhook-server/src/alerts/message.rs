//! What is posted: JSON, with a text that chats show as it is.

use bytes::Bytes;
use serde::Serialize;

use super::alert::Alert;
use crate::report::format::program;

/// The version of the JSON. Further keys do not change it.
const VERSION: u32 = 1;

/// A post.
#[derive(Debug, Serialize)]
struct Message<'m> {
    text: String,
    version: u32,
    program: &'m str,
    host: &'m str,
    alerts: &'m [Alert],
}

/// Who sends the alerts.
#[derive(Debug)]
pub(super) struct Sender {
    program: String,
    host: String,
}

impl Sender {
    /// This process.
    pub(super) fn this() -> Self {
        let (program, host) = (program(), host());
        Self { program: program.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(), host }
    }

    #[cfg(test)]
    pub(super) fn of_a_test() -> Self {
        Self { program: "shop".to_owned(), host: "web-1".to_owned() }
    }

    /// The body of a post.
    pub(super) fn body(&self, alerts: &[Alert]) -> Bytes {
        let Self { program, host } = self;
        let message = Message { text: self.text(alerts), version: VERSION, program, host, alerts };
        // Texts, numbers and times of the present: there is nothing that JSON could not hold.
        serde_json::to_vec(&message).unwrap_or_default().into()
    }

    /// The text: a line for each alert, with its link if it has one.
    fn text(&self, alerts: &[Alert]) -> String {
        let line = |alert: &Alert| match &alert.url {
            Some(url) => format!("{alert} {url}"),
            None => alert.to_string(),
        };
        let from = format!("{} on {}:", self.program, self.host);
        match alerts {
            [one] => format!("{from} {}", line(one)),
            several => several.iter().fold(from, |text, alert| format!("{text}\n• {}", line(alert))),
        }
    }
}

/// The name of this machine.
fn host() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "this machine".to_owned())
}
