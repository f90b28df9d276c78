//! Hyper, and the signature: what any receiver has to do.

use hyper::StatusCode;

#[tokio::main]
async fn main() {
    peers::serve(|headers, body| {
        let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
        match header.is_some_and(|header| peers::is_signed(header, body)) {
            true => StatusCode::OK,
            false => StatusCode::BAD_REQUEST,
        }
    })
    .await;
}
