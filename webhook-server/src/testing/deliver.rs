//! Delivering an event to an application under test.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use webhook_core::catalog::Kind;
use webhook_core::{SIGNATURE_HEADER, Sample, sign};

use super::{Delivered, TestApp, since_epoch};
use crate::endpoint::ServedEndpoint;
use crate::future::BoxFuture;
use crate::receive::{Via, answered};

impl TestApp {
    /// Signs a sample and delivers it to the first endpoint, and runs what is due. Returns when no run of the application is in progress, which
    /// includes runs that other deliveries started: a handler that delivers through the application waits for itself.
    ///
    /// # Panics
    ///
    /// Panics if a handler blocks its thread, so that it does not end.
    pub async fn deliver(&self, sample: Sample) -> Delivered {
        self.deliver_recorded(self.body(sample)).await
    }

    /// Signs a sample and delivers it to the endpoint with this name (or with this path, if it has no name). Otherwise as
    /// [`deliver`](Self::deliver).
    ///
    /// To deliver one event through two endpoints, deliver clones of one sample.
    ///
    /// # Panics
    ///
    /// Panics if there is no such endpoint, and as [`deliver`](Self::deliver).
    pub async fn deliver_to(&self, endpoint: &str, sample: Sample) -> Delivered {
        self.deliver_recorded_to(endpoint, self.body(sample)).await
    }

    /// Delivers the same body to the same endpoint again, with a new signature, as Stripe does if it got no answer.
    ///
    /// # Panics
    ///
    /// As [`deliver`](Self::deliver).
    pub async fn deliver_again(&self, delivered: &Delivered) -> Delivered {
        self.deliver_recorded_to(&delivered.endpoint, delivered.body.clone()).await
    }

    /// Signs a recorded body and delivers it byte for byte to the first endpoint, and runs what is due.
    ///
    /// It may be anything that was ever received, or never should be: what is not an event goes into quarantine, see
    /// [`Delivered::quarantined`].
    ///
    /// # Panics
    ///
    /// As [`deliver`](Self::deliver).
    pub async fn deliver_recorded(&self, body: impl Into<Bytes>) -> Delivered {
        self.deliver_signed(self.server.parts.endpoints.first(), body.into()).await
    }

    /// Signs a recorded body and delivers it byte for byte to the endpoint with this name. Otherwise as
    /// [`deliver_recorded`](Self::deliver_recorded).
    ///
    /// # Panics
    ///
    /// As [`deliver_to`](Self::deliver_to).
    pub async fn deliver_recorded_to(&self, endpoint: &str, body: impl Into<Bytes>) -> Delivered {
        match self.server.parts.endpoints.named(endpoint) {
            Ok(endpoint) => self.deliver_signed(endpoint, body.into()).await,
            Err(problem) => panic!("{problem}"),
        }
    }

    /// Delivers a body with a `Stripe-Signature` header that may be wrong to the first endpoint, and runs what is due.
    ///
    /// # Panics
    ///
    /// Panics if the text cannot be a header's value, and as [`deliver`](Self::deliver).
    pub async fn deliver_body(&self, signature: &str, body: impl Into<Bytes>) -> Delivered {
        self.deliver_at(self.server.parts.endpoints.first(), signature, body.into()).await
    }

    async fn deliver_signed(&self, endpoint: &ServedEndpoint, body: Bytes) -> Delivered {
        let signature = sign(std::slice::from_ref(&self.secret), self.seconds(), &body);
        self.deliver_at(endpoint, &signature, body).await
    }

    fn deliver_at<'a>(
        &'a self,
        endpoint: &'a ServedEndpoint,
        signature: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Delivered> {
        Box::pin(self.deliver_through(endpoint, signature, body))
    }

    async fn deliver_through(&self, endpoint: &ServedEndpoint, signature: &str, body: Bytes) -> Delivered {
        let since = self.recorded.len();
        let request = Request::post(&*endpoint.path)
            .header(HOST, "localhost")
            .header(SIGNATURE_HEADER, signature)
            .body(Full::new(body.clone()));
        let Ok(request) = request else { panic!("{signature:?} cannot be a header") };
        let receiver = &self.server.receiver;
        let Some(connection) = receiver.connections.admit(None) else {
            panic!("more deliveries at once than a server accepts connections")
        };
        let mut via = Via::default();
        let outcome = receiver.receive(request, &connection, &mut via).await;
        let status = answered(&self.server.parts.report, &outcome, &via, None).status().as_u16();
        self.run_due().await;
        Delivered::new(&endpoint.name, status, body, outcome, &self.recorded, since)
    }

    /// The body of a sample that happens now. If it is a thin event, handlers find its object.
    fn body(&self, sample: Sample) -> Vec<u8> {
        if Kind::of(sample.event_type()) == Kind::Thin
            && let (Some(path), Some(object)) = (sample.object_path(), sample.object_now())
        {
            self.fixtures.deliver(path, &object);
        }
        sample.body(i64::try_from(self.seconds()).unwrap_or(i64::MAX))
    }

    /// The clock's time, in seconds since the Unix epoch.
    fn seconds(&self) -> u64 {
        since_epoch(&self.clock).as_secs()
    }
}
