//! Why a server has refused an event, as far as its answer tells.

use hyper::StatusCode;

use super::target::{Target, paths};
use super::{Answer, effect};
use crate::command::signing::Signing;
use crate::http_client::through_tls;
use crate::receive::reply;
use crate::report::format::printable;

/// What probably went wrong, by the status: the body of our own answers does not say.
pub(super) fn why(refused: &Answer, target: &Target, signing: &Signing) -> String {
    let url = &target.url;
    let reason = match StatusCode::from_u16(refused.status) {
        // nginx, Apache and Go answer this to plain HTTP on such a port.
        Ok(StatusCode::BAD_REQUEST) if refused.answer.contains("HTTPS") => {
            format!("this port of the server speaks TLS: use {}", through_tls(&url.to_string()))
        }
        Ok(status) if status.is_redirection() => {
            let there = refused.location.as_deref().map(|url| format!(": use {}", printable(url)));
            format!("the server redirects, which Stripe does not follow{}", there.unwrap_or_default())
        }
        Ok(_) if !reply::is_own(refused.answer.as_bytes()) => effect::NOT_OURS.to_owned(),
        Ok(StatusCode::BAD_REQUEST) => match &refused.effect.mistake {
            Some(mistake) => format!("the body is not a snapshot event: {mistake}"),
            None => format!("signature rejected: {}", other_secret(signing)),
        },
        Ok(StatusCode::NOT_FOUND) => {
            format!("there is no endpoint at this path; this program has {}", paths(&target.endpoints))
        }
        Ok(StatusCode::INTERNAL_SERVER_ERROR) => "a handler failed; see the server's log".to_owned(),
        _ => "see the server's log".to_owned(),
    };
    format!("{url} answered {} to {}: {reason}", refused.status, refused.event_type)
}

/// Says which secret was used, by its label.
fn other_secret(signing: &Signing) -> String {
    let why = signing.instead_of().map(|missing| format!(", because {missing}")).unwrap_or_default();
    format!(
        "is the server using the same secret?\n\
         This one is from {}{why}. `serve --check` on the server shows the labels of its secrets.",
        signing.place_and_labels()
    )
}
