//! Who gets in when many connections are open.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::admin::tests::Pages;
use crate::settings::Settings;

/// Senders are slow, not the machine: nothing ends because it takes long.
const PATIENT: Patience = Patience { head: Duration::from_secs(3_600), longest: Duration::from_secs(3_600) };

async fn ask(port: u16, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("it is open");
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let reading = stream.read_to_string(&mut text);
    tokio::time::timeout(Duration::from_secs(60), reading)
        .await
        .expect("it is answered")
        .expect("it is text");
    text
}

#[tokio::test]
async fn connections_that_wait_keep_nobody_out() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let pages = Pages::new(&Settings::default(), None);
    spawn(listen_with(PATIENT, listener, Arc::new(pages.admin)));
    let form = format!(
        "POST /login HTTP/1.1\r\nhost: localhost:{port}\r\norigin: http://localhost:{port}\r\nsec-fetch-site: \
         same-origin\r\ncontent-length: 9\r\n\r\ntoken"
    );
    let stream = format!("GET /live/stream HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n");
    for begun in ["", "GET /healthz HTTP/1.1\r\n", &form, &stream] {
        let mut open = Vec::new();
        for _ in 0..2 * MOST {
            open.push(ask(port, begun).await);
            let healthy = ask(port, "GET /healthz HTTP/1.1\r\nhost: pod\r\n\r\n").await;
            assert!(answer(healthy).await.ends_with("\r\n\r\nok\n"), "{begun}");
        }
    }
}
