//! Operations over HTTP.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use webhook_core::Registry;

use super::{Operations, socket};
use crate::settings::Settings;
use crate::store::{self, InboxLocation};

fn operations() -> Operations {
    let settings = Settings::default();
    let store = store::open(&InboxLocation::Memory, &settings.opening()).expect("memory is always there");
    Operations::new(store, Arc::new(Registry::linked()), settings.retention(), None)
}

async fn ask(method: &str, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body.to_owned())));
    let response = socket::answer(&operations(), request.expect("it is a request")).await;
    let (head, body) = response.into_parts();
    let body: Bytes = body.collect().await.expect("it is in memory").to_bytes();
    (head.status, serde_json::from_slice(&body).expect("every answer is JSON"))
}

#[tokio::test]
async fn every_operation_has_a_route() {
    let all = json!({
        "event_ids": [], "event_type": null, "object_id": null, "customer": null, "account": null, "handler": null,
        "state": null, "why": null, "since": null, "after": null, "before": null, "limit": 1,
    })
    .to_string();
    for (path, body, answer) in [
        ("/tasks", &*all, json!([])),
        ("/events", &*all, json!([])),
        ("/events-with-id", r#""evt_1""#, json!([])),
        ("/quarantined", "1", json!([])),
        ("/quarantined-with-id", "1", json!(null)),
        ("/retry", "[7]", json!(0)),
        ("/skip", r#"{"tasks":[7],"reason":"x"}"#, json!(0)),
        ("/replay", r#"{"events":[{"event_id":"evt_1","cursor":7}],"handler":null}"#, json!(["Unknown"])),
    ] {
        assert_eq!(ask("POST", path, body).await, (StatusCode::OK, answer), "{path}");
    }
    for path in ["/stats", "/prune"] {
        let (status, answer) = ask("POST", path, "null").await;
        assert!(status.is_success() && answer["events"] == 0, "{path}: {answer}");
    }
}

#[tokio::test]
async fn what_the_server_cannot_do_is_a_sentence() {
    let long = format!("[{}0]", " ".repeat(1024 * 1024));
    for (method, path, body, status, told) in [
        ("GET", "/stats", "", StatusCode::METHOD_NOT_ALLOWED, "POST"),
        ("POST", "/later", "{}", StatusCode::NOT_FOUND, "has no operation /later"),
        ("POST", "/retry", "{", StatusCode::BAD_REQUEST, "does not understand"),
        ("POST", "/retry", &long, StatusCode::PAYLOAD_TOO_LARGE, "longer than"),
        // Without the field, it would mean more tasks than the operator meant.
        ("POST", "/tasks", r#"{"event_ids":[],"limit":1,"later":7}"#, StatusCode::BAD_REQUEST, "`later`"),
        ("POST", "/skip", r#"{"tasks":[],"reason":"","later":7}"#, StatusCode::BAD_REQUEST, "`later`"),
    ] {
        let (answered, answer) = ask(method, path, body).await;
        assert_eq!(answered, status, "{path}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(told)), "{path}: {answer}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_client_reaches_the_server_or_says_why_it_does_not() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::client::Client;
    use super::operator::OperateError;
    use super::routes::{RETRY, STATS};

    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let inbox = folder.path().join("inbox.db");
    assert!(Client::connect(&inbox).await.expect("nothing is in the way").is_none(), "no server");
    socket::listen(&inbox, operations());
    let mut client = Client::connect(&inbox).await.expect("it is ours").expect("a server listens");
    assert_eq!(client.call(&STATS, &()).await.expect("it answers").events, 0);
    assert_eq!(client.call(&RETRY, &vec![7]).await.expect("it answers again"), 0);

    let other = folder.path().join("other.db");
    let listener = tokio::net::UnixListener::bind(socket::path_beside(&other)).expect("the path is short");
    let mut client = Client::connect(&other).await.expect("it is ours").expect("something listens");
    let server = async {
        let (mut stream, _) = listener.accept().await.expect("the client has connected");
        let _ = stream.read(&mut [0; 1024]).await.expect("the client asks");
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"later\":true}";
        stream.write_all(answer).await.expect("the client listens");
    };
    let (answer, ()) = tokio::join!(client.call(&STATS, &()), server);
    assert!(matches!(answer, Err(OperateError::OtherVersion)), "{answer:?}");
    let answer = client.call(&STATS, &()).await;
    assert!(matches!(answer, Err(OperateError::NoAnswer(_))), "{answer:?}");
}
