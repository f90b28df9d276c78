//! Orders.

/// Checkout, Stripe's payment page.
pub mod checkout {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use webhook_core::{Event, State, on_event};

    /// Counts the orders to pack. The application provides the count as state.
    #[on_event("checkout.session.completed", "checkout.session.async_payment_succeeded")]
    pub async fn paid(event: Event, State(to_pack): State<Arc<AtomicU64>>) {
        let orders = to_pack.fetch_add(1, Ordering::Relaxed) + 1;
        println!("{} is paid; orders to pack: {orders}", event.object["id"]);
    }
}
