//! Where a body begins and ends.

use super::{Good, HEADERS, POST, Row, check, request};

/// A good request in chunks, of which the first has this size line and is followed by the rest.
fn chunked(codings: &str, size: &str, rest: &str) -> Vec<u8> {
    let good = Good::new();
    let length = format!("{:x}", good.body.len());
    let headers = format!("Host: a\r\nSIGNED\r\n{codings}");
    let head = good.request(POST, &headers);
    let head = &head[..head.len() - good.body.len()];
    [head, size.replace("SIZE", &length).as_bytes(), b"\r\n", good.body.as_bytes(), rest.as_bytes()].concat()
}

const CHUNKED: &str = "Transfer-Encoding: chunked";
const END: &str = "\r\n0\r\n\r\n";

/// A request with another length than its body has.
fn long(length: &str) -> Vec<u8> {
    request(POST, &format!("Host: a\r\nSIGNED\r\nContent-Length: {length}"))
}

#[test]
fn a_length_is_a_number() {
    let good = Good::new();
    let length = good.body.len();
    let twice = |other: usize| {
        let more = format!("Host: a\r\nSIGNED\r\nFRAMED\r\nContent-Length: {other}");
        good.request(POST, &more)
    };
    check(vec![
        Row::goes_on("the same length twice", 200, twice(length)),
        Row::closed("two lengths", 400, twice(length + 1)),
        Row::closed("+2", 400, long("+2")),
        Row::closed("-1", 400, long("-1")),
        Row::closed("0x2", 400, long("0x2")),
        Row::closed("no digits", 400, long("")),
        Row::closed("a list", 400, long("2, 2")),
        Row::closed("20 digits", 400, long("99999999999999999999")),
        Row::closed("the longest there is", 431, long(&u64::MAX.to_string())),
        Row::closed("1 TB", 413, {
            let head = String::from_utf8(long("1000000000000")).expect("it is text");
            head.split_once("\r\n\r\n").expect("it has a head").0.to_owned() + "\r\n\r\n"
        }),
        Row::closed("one byte more than is read", 413, long("1048577")),
        Row::closed("more than comes", 400, long("100000")).half_closing(),
    ]);
}

#[test]
fn what_follows_a_request_is_not_taken_for_another() {
    let (first, second) = (request(POST, HEADERS), request(POST, HEADERS));
    let smuggled = |framing: &str, body: &str| {
        let good = Good::new();
        let head = good.request(POST, &format!("Host: a\r\nSIGNED\r\n{framing}"));
        let head = &head[..head.len() - good.body.len()];
        [head, body.replace("BODY", &good.body).as_bytes(), &second].concat()
    };
    let length = format!("{:x}\r\nBODY\r\n0\r\n\r\n", Good::new().body.len());
    check(vec![
        Row::closed(
            "a length and chunks",
            200,
            smuggled("Content-Length: 6\r\nTransfer-Encoding: chunked", &length),
        ),
        Row::closed(
            "chunks and a length",
            200,
            smuggled("Transfer-Encoding: chunked\r\nContent-Length: 6", &length),
        ),
        Row::closed("neither, and a body", 400, smuggled("X: y", "BODY")),
        Row::closed("a request that was refused, and another", 404, {
            [&request("POST /other HTTP/1.1", HEADERS)[..], &first].concat()
        }),
    ]);
}

#[test]
fn only_chunks_are_a_transfer_coding() {
    let coded = |codings: &str| chunked(codings, "SIZE", END);
    check(vec![
        Row::goes_on("chunks", 200, coded(CHUNKED)),
        Row::goes_on("chunks, in capitals", 200, coded("Transfer-Encoding: CHUNKED")),
        Row::closed("almost chunks", 400, coded("Transfer-Encoding: xchunked")),
        Row::closed("chunks that are compressed", 400, coded("Transfer-Encoding: chunked, gzip")),
        Row::closed("chunks twice", 400, coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        Row::closed("chunks twice in a line", 400, coded("Transfer-Encoding: chunked, chunked")),
        Row::closed("chunks after a vertical tab", 400, coded("Transfer-Encoding: \x0bchunked")),
        Row::closed("a compressed body in chunks", 501, coded("Transfer-Encoding: gzip, chunked")),
        Row::closed("the same in two lines", 501, {
            coded("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked")
        }),
        Row::closed("an unknown coding in chunks", 501, coded("Transfer-Encoding: identity, chunked")),
    ]);
}

#[test]
fn chunks_have_a_grammar() {
    let trailers = |count: usize| {
        let lines = (0..count).map(|n| format!("X-{n}: 1\r\n"));
        format!("\r\n0\r\n{}\r\n", lines.collect::<String>())
    };
    let sized = |size: &str| chunked(CHUNKED, size, END);
    check(vec![
        Row::closed("a size that overflows", 400, sized("ffffffffffffffffff")),
        Row::closed("a negative size", 400, sized("-1")),
        Row::closed("a size in other digits", 400, sized("0xz")),
        Row::closed("a size without a line end", 400, sized("SIZE\n")),
        Row::closed("no line end after a chunk", 400, chunked(CHUNKED, "SIZE", "0\r\n\r\n")),
        Row::closed("an extension of 64 KB", 400, sized(&format!("SIZE;{}", "x".repeat(65_536)))),
        Row::closed("101 trailers", 400, chunked(CHUNKED, "SIZE", &trailers(101))),
        Row::goes_on("a signature in a trailer", 400, {
            let signed = chunked(CHUNKED, "SIZE", END);
            let text = String::from_utf8(signed).expect("it is text");
            let (line, rest) = text.split_once("Stripe-Signature: ").expect("it is signed");
            let (signature, rest) = rest.split_once("\r\n").expect("its line ends");
            let rest = rest.strip_suffix("\r\n").expect("it ends");
            format!("{line}X: y\r\n{rest}stripe-signature: {signature}\r\n\r\n")
        }),
        Row::goes_on("a forged signature in a trailer, beside a good one", 200, {
            chunked(CHUNKED, "SIZE", "\r\n0\r\nstripe-signature: t=1,v1=0\r\n\r\n")
        }),
        Row::closed("chunks without an end", 400, chunked(CHUNKED, "SIZE", "\r\n")).half_closing(),
        Row::closed("chunks that are too long in all", 413, {
            let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
            chunked(CHUNKED, "SIZE", &format!("\r\n{}", chunk.repeat(32)))
        }),
    ]);
}
