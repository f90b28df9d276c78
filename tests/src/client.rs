//! A sender that goes on when the server dies under it, as Stripe does.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};

use crate::{PATIENCE, SECRET, signed, unix_now};

/// Posts events over one connection for as long as there is one.
#[derive(Default)]
pub struct Client {
    connection: Option<(SocketAddr, BufReader<TcpStream>)>,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub status: u16,
    /// In seconds.
    pub retry_after: Option<u64>,
}

impl Client {
    /// Posts a body with good signature.
    ///
    /// # Errors
    ///
    /// Fails if no whole answer came. The server may have taken the event all the same.
    pub fn post(&mut self, address: SocketAddr, body: &[u8]) -> Result<Told> {
        let (told, goes_on) = match self.connection.take().filter(|(to, _)| *to == address) {
            Some((_, stream)) => self.exchange(address, stream, body),
            None => {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                self.exchange(address, BufReader::new(stream), body)
            }
        }?;
        if !goes_on {
            self.connection = None;
        }
        Ok(told)
    }

    fn exchange(
        &mut self,
        address: SocketAddr,
        mut stream: BufReader<TcpStream>,
        body: &[u8],
    ) -> Result<(Told, bool)> {
        let signature = signed(&[SECRET], unix_now(), body);
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: {address}\r\nStripe-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let mut line = || -> Result<String> {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            line.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| ErrorKind::UnexpectedEof.into())
        };
        let first = line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut told = Told { status: status.ok_or_else(|| Error::other(first))?, retry_after: None };
        let (mut length, mut goes_on) = (0, true);
        loop {
            let header = line()?.to_ascii_lowercase();
            match header.split_once(": ") {
                None => break,
                Some(("content-length", value)) => length = value.parse().map_err(Error::other)?,
                Some(("retry-after", value)) => told.retry_after = value.parse().ok(),
                Some(("connection", "close")) => goes_on = false,
                Some(_) => {}
            }
        }
        stream.read_exact(&mut vec![0; length])?;
        self.connection = Some((address, stream));
        Ok((told, goes_on))
    }
}
