//! A proxy before PostgreSQL, on a Unix socket of its own, that loses what a connection has asked it to lose.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// What happens to a connection's next `COMMIT`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    /// Nothing.
    None,
    /// The server gets it, and the connection is closed before its answer.
    Cut,
    /// The server gets it, and its answer never arrives.
    Hang,
    /// The server never gets it. After 15 seconds, the connection is closed.
    Stall,
}

/// A running proxy. It ends with the runtime.
#[derive(Debug)]
pub struct Proxy {
    folder: TempDir,
}

impl Proxy {
    /// Starts a proxy before the server whose socket is in `folder`.
    ///
    /// # Panics
    ///
    /// Panics if there is no place for its socket.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let server = folder.join(".s.PGSQL.5432");
        let folder = tempfile::Builder::new().prefix("proxy-").tempdir().expect("there is a place for it");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("the path is short");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    // It ends as one of them does.
                    let _ = pass(client, UnixStream::connect(&server).await?).await;
                    std::io::Result::Ok(())
                });
            }
        });
        Self { folder }
    }

    /// The folder of its socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Passes a connection's bytes on, both ways.
async fn pass(mut client: UnixStream, mut server: UnixStream) -> std::io::Result<()> {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (mut loss, mut has_committed) = (Loss::None, false);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                for (word, what) in [("/* cut */", Loss::Cut), ("/* hang */", Loss::Hang), ("/* stall */", Loss::Stall)] {
                    if contains(bytes, word.as_bytes()) {
                        loss = what;
                    }
                }
                has_committed |= loss != Loss::None && contains(bytes, b"COMMIT\0");
                if has_committed && loss == Loss::Stall {
                    tokio::time::sleep(Duration::from_secs(15)).await;
                    return Ok(());
                }
                server.write_all(bytes).await?;
            }
            read = server.read(&mut answered) => {
                let bytes = &answered[..read?];
                if bytes.is_empty() || (has_committed && loss == Loss::Cut) {
                    return Ok(());
                }
                if !has_committed {
                    client.write_all(bytes).await?;
                }
            }
        }
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
