//! What a node gives out while it processes one item.

use crate::data::TransportData;

/// Collects what a node gives out; the executor sends it on when `process` returns.
///
/// One collector is used again for every item, so that a steady stream allocates nothing here.
#[derive(Debug, Default)]
pub struct Outputs {
    items: Vec<(&'static str, TransportData)>,
}

impl Outputs {
    /// The default output port's name.
    pub const DEFAULT_PORT: &'static str = "out";

    /// Gives `item` out on the port `out`.
    pub fn send(&mut self, item: TransportData) {
        self.send_to(Self::DEFAULT_PORT, item);
    }

    /// Gives `item` out on `port`; a port that the node's spec does not name is reported as the
    /// node's error, and the item counted as dropped.
    pub fn send_to(&mut self, port: &'static str, item: TransportData) {
        self.items.push((port, item));
    }

    /// Takes what was given out since the last call, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = (&'static str, TransportData)> + '_ {
        self.items.drain(..)
    }

    /// Returns the number of items given out and not yet taken.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
