//! What the director orders, read from the standard input.

use tokio::sync::mpsc;

use super::messages::Order;
use crate::failure::Failure;

/// Reads the director's orders in a thread of its own, which ends with the process. The channel closes when
/// the director is gone.
pub(super) fn orders() -> Result<mpsc::Receiver<Order>, Failure> {
    let (sender, orders) = mpsc::channel(4);
    let reading = move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let Ok(order) = serde_json::from_str(&line) else {
                tracing::error!(line, "order not understood");
                return;
            };
            if sender.blocking_send(order).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("orders".to_owned()).spawn(reading)?;
    Ok(orders)
}
