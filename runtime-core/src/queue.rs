//! A bounded queue that can drop its oldest item, for tasks and for threads.
//!
//! Tokio's channels can only refuse the newest item; live media wants the opposite. A queue has one
//! receiver and one or more *lanes*: each lane has a capacity and a [`Ledger`] of its own, so that a burst in
//! one takes no room from the others, and the receiver gets the items of all lanes in the order in which
//! they came. Items that went in and items that were dropped are counted in their lane's ledger; who
//! takes an item out counts it as delivered, or as dropped, when it knows which.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ledger::{DropReason, Ledger};

/// Most urgent items that wait in one lane. Control is rare: a flood of it is a fault, and waits.
const URGENT_CAPACITY: usize = 16;

/// What a full queue does with one more item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FullPolicy {
    /// The sender waits for room: for data and control.
    Block,
    /// The oldest item is dropped and counted: for media.
    DropOldest,
}

/// The end that puts items into one lane; clones share it. The receiver sees the end when the senders of
/// all lanes are dropped.
#[derive(Debug)]
pub struct QueueSender<T> {
    queue: Arc<Queue<T>>,
    lane: usize,
    ledger: Arc<Ledger>,
    room: Arc<Notify>,
}

/// The end that takes items out. Dropping it closes the queue and counts what is left as dropped.
#[derive(Debug)]
pub struct QueueReceiver<T> {
    queue: Arc<Queue<T>>,
}

/// The receiver is gone or has closed the queue; the item was counted as sent and as dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("queue is closed")]
pub struct QueueClosed;

#[derive(Debug)]
struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Notify,
    filled_for_thread: Condvar,
}

#[derive(Debug)]
struct State<T> {
    /// Lanes keep their position; a lane without senders and items leaves its place to a later one.
    lanes: Vec<Option<Lane<T>>>,
    /// Items that have ever come: their numbers put the lanes' items in order.
    arrivals: u64,
    waiting: usize,
    urgent_waiting: usize,
    senders: usize,
    least_capacity: usize,
    closed: bool,
    thread_waits: bool,
}

#[derive(Debug)]
struct Lane<T> {
    items: VecDeque<(u64, T)>,
    urgent: VecDeque<(u64, T)>,
    capacity: usize,
    senders: usize,
    ledger: Arc<Ledger>,
    room: Arc<Notify>,
}

/// Makes a queue with one lane of `capacity` items (at least 1) that counts in `ledger`.
pub fn queue<T>(capacity: usize, ledger: Arc<Ledger>) -> (QueueSender<T>, QueueReceiver<T>) {
    let state = State {
        lanes: Vec::new(),
        arrivals: 0,
        waiting: 0,
        urgent_waiting: 0,
        senders: 0,
        least_capacity: 1,
        closed: false,
        thread_waits: false,
    };
    let queue = Arc::new(Queue {
        state: Mutex::new(state),
        filled: Notify::new(),
        filled_for_thread: Condvar::new(),
    });
    (Queue::add_lane(&queue, capacity, ledger), QueueReceiver { queue })
}

impl<T> QueueSender<T> {
    /// Adds a lane of `capacity` items (at least 1) that counts in `ledger`, and returns its sender. The
    /// lane goes when its senders and its items are gone.
    #[must_use]
    pub fn add_lane(&self, capacity: usize, ledger: Arc<Ledger>) -> Self {
        Queue::add_lane(&self.queue, capacity, ledger)
    }

    /// Puts an item in; a full lane drops its oldest and counts it. Never waits.
    ///
    /// # Errors
    /// [`QueueClosed`] if nobody receives any more; the item is counted as dropped.
    pub fn push(&self, item: T) -> Result<(), QueueClosed> {
        let mut state = self.queue.lock();
        if state.closed {
            drop(state);
            self.ledger.count_refused(DropReason::Closed);
            return Err(QueueClosed);
        }
        self.ledger.count_sent();
        let oldest = if state.has_room(self.lane, false) { None } else { state.drop_oldest(self.lane) };
        if oldest.is_some() {
            self.ledger.count_dropped(DropReason::QueueFull, 1);
        }
        state.put(self.lane, item, false);
        self.queue.wake_receiver(state);
        // The dropped item may own a frame: its memory is returned outside the lock.
        drop(oldest);
        Ok(())
    }

    /// Puts an item in; waits while the lane is full. Cancel safe: a cancelled call put nothing in and
    /// counted nothing.
    ///
    /// # Errors
    /// [`QueueClosed`] if nobody receives any more; the item is counted as dropped.
    pub async fn send(&self, item: T) -> Result<(), QueueClosed> {
        self.send_into(item, false).await
    }

    /// As [`send`](Self::send), past all items that are not urgent.
    ///
    /// # Errors
    /// [`QueueClosed`] if nobody receives any more; the item is counted as dropped.
    pub async fn send_urgent(&self, item: T) -> Result<(), QueueClosed> {
        self.send_into(item, true).await
    }

    /// As [`send_urgent`](Self::send_urgent), but gives the item back, uncounted, if it had to wait or
    /// the queue is closed.
    ///
    /// # Errors
    /// The item.
    pub fn try_send_urgent(&self, item: T) -> Result<(), T> {
        let mut state = self.queue.lock();
        if state.closed || !state.has_room(self.lane, true) {
            return Err(item);
        }
        self.ledger.count_sent();
        state.put(self.lane, item, true);
        self.queue.wake_receiver(state);
        Ok(())
    }

    /// Puts an item in as `policy` says.
    ///
    /// # Errors
    /// [`QueueClosed`] if nobody receives any more; the item is counted as dropped.
    pub async fn offer(&self, item: T, policy: FullPolicy) -> Result<(), QueueClosed> {
        match policy {
            FullPolicy::DropOldest => self.push(item),
            FullPolicy::Block => self.send(item).await,
        }
    }

    /// Whether the receiver is gone or the queue is closed.
    pub fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// As [`QueueReceiver::close`], from this end; it closes all lanes.
    pub fn close(&self) {
        self.queue.close();
    }

    /// As [`QueueReceiver::abort`], from this end; it empties all lanes.
    pub fn abort(&self) {
        self.queue.abort();
    }

    /// Lets every lane of the queue hold at least `capacity` items from now on, so that what is under
    /// way at a session's end finds room.
    pub fn widen(&self, capacity: usize) {
        let mut state = self.queue.lock();
        state.least_capacity = state.least_capacity.max(capacity);
        let rooms: Vec<_> = state.lanes.iter().flatten().map(|lane| lane.room.clone()).collect();
        drop(state);
        rooms.iter().for_each(|room| room.notify_waiters());
    }

    async fn send_into(&self, item: T, urgent: bool) -> Result<(), QueueClosed> {
        let mut item = Some(item);
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Registered before the look, so that room made in between is not missed.
            room.as_mut().enable();
            if let Some(outcome) = self.try_send_into(&mut item, urgent) {
                return outcome;
            }
            room.await;
        }
    }

    /// Returns `None` if the lane is full and the item still here.
    fn try_send_into(&self, item: &mut Option<T>, urgent: bool) -> Option<Result<(), QueueClosed>> {
        let mut state = self.queue.lock();
        if state.closed {
            drop(state);
            self.ledger.count_refused(DropReason::Closed);
            return Some(Err(QueueClosed));
        }
        if !state.has_room(self.lane, urgent) {
            return None;
        }
        self.ledger.count_sent();
        state.put(self.lane, item.take()?, urgent);
        self.queue.wake_receiver(state);
        Some(Ok(()))
    }
}

impl<T> QueueReceiver<T> {
    /// Waits for the next item; `None`: closed, or all senders are gone, and empty. Cancel safe.
    pub async fn recv(&mut self) -> Option<T> {
        if let Some(item) = self.try_recv() {
            return Some(item);
        }
        loop {
            let filled = self.queue.filled.notified();
            tokio::pin!(filled);
            filled.as_mut().enable();
            match self.queue.take() {
                Taken::Item(item) => return Some(item),
                Taken::Ended => return None,
                Taken::Empty => filled.await,
            }
        }
    }

    /// As [`recv`](Self::recv), for threads: never call it in an async task.
    pub fn recv_blocking(&mut self) -> Option<T> {
        loop {
            match self.queue.take() {
                Taken::Item(item) => return Some(item),
                Taken::Ended => return None,
                Taken::Empty => self.queue.wait_in_thread(),
            }
        }
    }

    /// Takes the next item if there is one.
    pub fn try_recv(&mut self) -> Option<T> {
        match self.queue.take() {
            Taken::Item(item) => Some(item),
            Taken::Empty | Taken::Ended => None,
        }
    }

    /// Refuses further items; those that wait can still be received.
    pub fn close(&mut self) {
        self.queue.close();
    }

    /// Refuses further items and drops those that wait, counted as [`DropReason::Closed`].
    pub fn abort(&mut self) {
        self.queue.abort();
    }

    /// Returns how many items wait.
    pub fn len(&self) -> usize {
        self.queue.lock().waiting
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

enum Taken<T> {
    Item(T),
    Empty,
    Ended,
}

impl<T> Queue<T> {
    fn add_lane(queue: &Arc<Self>, capacity: usize, ledger: Arc<Ledger>) -> QueueSender<T> {
        let capacity = capacity.max(1);
        let room = Arc::new(Notify::new());
        let lane = Lane {
            items: VecDeque::with_capacity(capacity),
            urgent: VecDeque::new(),
            capacity,
            senders: 1,
            ledger: ledger.clone(),
            room: room.clone(),
        };
        let mut state = queue.lock();
        state.senders += 1;
        let free = state.lanes.iter().position(Option::is_none);
        let at = free.unwrap_or(state.lanes.len());
        match free {
            Some(at) => state.lanes[at] = Some(lane),
            None => state.lanes.push(Some(lane)),
        }
        drop(state);
        QueueSender { queue: queue.clone(), lane: at, ledger, room }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Taken<T> {
        let mut state = self.lock();
        match state.take() {
            Some((item, room)) => {
                drop(state);
                // All who wait look again: an urgent one among them cannot use the room of another.
                room.notify_waiters();
                Taken::Item(item)
            }
            None if state.closed || state.senders == 0 => Taken::Ended,
            None => Taken::Empty,
        }
    }

    fn wake_receiver(&self, state: MutexGuard<'_, State<T>>) {
        let thread_waits = state.thread_waits;
        drop(state);
        if thread_waits {
            self.filled_for_thread.notify_one();
        } else {
            self.filled.notify_one();
        }
    }

    fn wait_in_thread(&self) {
        let mut state = self.lock();
        state.thread_waits = true;
        while state.waiting == 0 && !state.closed && state.senders > 0 {
            state = self.filled_for_thread.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.thread_waits = false;
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let rooms: Vec<_> = state.lanes.iter().flatten().map(|lane| lane.room.clone()).collect();
        drop(state);
        rooms.iter().for_each(|room| room.notify_waiters());
        self.filled.notify_one();
        self.filled_for_thread.notify_one();
    }

    fn abort(&self) {
        let mut state = self.lock();
        state.closed = true;
        (state.waiting, state.urgent_waiting) = (0, 0);
        let mut left = Vec::new();
        for lane in state.lanes.iter_mut().flatten() {
            let items = (std::mem::take(&mut lane.items), std::mem::take(&mut lane.urgent));
            lane.ledger.count_dropped(DropReason::Closed, (items.0.len() + items.1.len()) as u64);
            left.push(items);
        }
        drop(state);
        drop(left);
        self.close();
    }
}

impl<T> State<T> {
    fn lane(&mut self, at: usize) -> &mut Lane<T> {
        self.lanes[at].as_mut().expect("a lane stays while it has senders or items")
    }

    fn has_room(&mut self, at: usize, urgent: bool) -> bool {
        let least_capacity = self.least_capacity;
        let lane = self.lane(at);
        match urgent {
            true => lane.urgent.len() < URGENT_CAPACITY,
            false => lane.items.len() < lane.capacity.max(least_capacity),
        }
    }

    fn put(&mut self, at: usize, item: T, urgent: bool) {
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.waiting += 1;
        self.urgent_waiting += usize::from(urgent);
        let lane = self.lane(at);
        if urgent {
            lane.urgent.push_back((arrival, item));
        } else {
            lane.items.push_back((arrival, item));
        }
    }

    fn drop_oldest(&mut self, at: usize) -> Option<T> {
        let (_, item) = self.lane(at).items.pop_front()?;
        self.waiting -= 1;
        Some(item)
    }

    /// Takes the item that came first, urgent ones before all others.
    fn take(&mut self) -> Option<(T, Arc<Notify>)> {
        if self.waiting == 0 {
            return None;
        }
        let urgent = self.urgent_waiting > 0;
        let first =
            |lane: &Lane<T>| if urgent { lane.urgent.front() } else { lane.items.front() }.map(|i| i.0);
        let arrivals = self.lanes.iter().enumerate();
        let arrivals = arrivals.filter_map(|(at, lane)| Some((lane.as_ref().and_then(first)?, at)));
        let (_, at) = arrivals.min()?;
        self.waiting -= 1;
        self.urgent_waiting -= usize::from(urgent);
        let lane = self.lane(at);
        let (_, item) = if urgent { lane.urgent.pop_front() } else { lane.items.pop_front() }?;
        let room = lane.room.clone();
        self.remove_if_done(at);
        Some((item, room))
    }

    fn remove_if_done(&mut self, at: usize) {
        let lane = self.lane(at);
        if lane.senders == 0 && lane.items.is_empty() && lane.urgent.is_empty() {
            self.lanes[at] = None;
        }
    }
}

impl<T> Clone for QueueSender<T> {
    fn clone(&self) -> Self {
        let mut state = self.queue.lock();
        state.senders += 1;
        state.lane(self.lane).senders += 1;
        drop(state);
        let Self { queue, lane, ledger, room } = self;
        Self { queue: queue.clone(), lane: *lane, ledger: ledger.clone(), room: room.clone() }
    }
}

impl<T> Drop for QueueSender<T> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.senders -= 1;
        state.lane(self.lane).senders -= 1;
        state.remove_if_done(self.lane);
        if state.senders == 0 {
            self.queue.wake_receiver(state);
        }
    }
}

impl<T> Drop for QueueReceiver<T> {
    fn drop(&mut self) {
        self.queue.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(capacity: usize) -> (QueueSender<u32>, QueueReceiver<u32>, Arc<Ledger>) {
        let ledger = Arc::new(Ledger::default());
        let (sender, receiver) = queue(capacity, ledger.clone());
        (sender, receiver, ledger)
    }

    #[tokio::test]
    async fn a_full_queue_drops_its_oldest_and_counts_it() {
        let (sender, mut receiver, ledger) = small(2);
        (1..=3).for_each(|n| sender.push(n).expect("open"));
        drop(sender);
        assert_eq!(
            (receiver.recv().await, receiver.recv().await, receiver.recv().await),
            (Some(2), Some(3), None)
        );
        assert_eq!(ledger.report().dropped[&DropReason::QueueFull], 1);
        assert_eq!(ledger.report().sent, 3);
    }

    #[tokio::test]
    async fn a_blocked_sender_goes_on_when_there_is_room() {
        let (sender, mut receiver, ledger) = small(1);
        sender.send(1).await.expect("room");
        let second = tokio::spawn(async move { sender.send(2).await });
        assert_eq!(receiver.recv().await, Some(1));
        assert_eq!(receiver.recv().await, Some(2));
        second.await.expect("no panic").expect("sent");
        assert_eq!(ledger.report().dropped_total(), 0);
    }

    #[tokio::test]
    async fn urgent_items_overtake_the_others() {
        let (sender, mut receiver, _) = small(4);
        sender.send(1).await.expect("room");
        sender.send_urgent(2).await.expect("room");
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(2), Some(1)));
    }

    #[tokio::test]
    async fn a_gone_receiver_releases_blocked_senders_and_balances_the_ledger() {
        let (sender, receiver, ledger) = small(1);
        sender.send(1).await.expect("room");
        let waiting = [sender.clone(), sender.clone()].map(|s| tokio::spawn(async move { s.send(2).await }));
        tokio::task::yield_now().await;
        drop(receiver);
        for task in waiting {
            assert_eq!(task.await.expect("no panic"), Err(QueueClosed));
        }
        assert_eq!(sender.push(3), Err(QueueClosed));
        assert!(ledger.report().is_balanced());
        assert_eq!(ledger.report().dropped[&DropReason::Closed], 4);
    }

    #[test]
    fn a_thread_receives_all_items_in_order_and_sees_the_end() {
        let (sender, mut receiver, _) = small(1000);
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            while let Some(item) = receiver.recv_blocking() {
                seen.push(item);
            }
            seen
        });
        (0..1000).for_each(|n| sender.push(n).expect("open"));
        drop(sender);
        assert_eq!(thread.join().expect("no panic"), (0..1000).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_burst_in_one_lane_takes_no_room_from_another_and_order_is_that_of_arrival() {
        let (first, mut receiver, ledger) = small(2);
        let second_ledger = Arc::new(Ledger::default());
        let second = first.add_lane(2, second_ledger.clone());
        first.push(1).expect("open");
        (10..=13).for_each(|n| second.push(n).expect("open"));
        first.push(2).expect("open");
        drop((first, second));
        let mut seen = Vec::new();
        while let Some(item) = receiver.recv().await {
            seen.push(item);
        }
        assert_eq!(seen, [1, 12, 13, 2]);
        assert_eq!((ledger.report().dropped_total(), second_ledger.report().dropped_total()), (0, 2));
    }

    #[tokio::test]
    async fn a_lane_goes_with_its_last_sender_and_its_last_item_and_its_place_is_used_again() {
        let (sender, mut receiver, ledger) = small(2);
        for n in 0..100 {
            let lane = sender.add_lane(1, ledger.clone());
            lane.push(n).expect("open");
            drop(lane);
            assert_eq!(receiver.recv().await, Some(n));
        }
        assert_eq!(sender.queue.lock().lanes.len(), 2);
    }

    #[tokio::test]
    async fn an_urgent_sender_that_waits_does_not_take_the_wake_up_of_another() {
        let (sender, mut receiver, _) = small(1);
        for n in 0..URGENT_CAPACITY as u32 {
            sender.send_urgent(100 + n).await.expect("room");
        }
        assert_eq!(sender.try_send_urgent(7), Err(7));
        sender.send(1).await.expect("room");
        let (urgent, plain) = (sender.clone(), sender.clone());
        let urgent = tokio::spawn(async move { urgent.send_urgent(200).await });
        let plain = tokio::spawn(async move { plain.send(2).await });
        tokio::task::yield_now().await;
        let mut seen = Vec::new();
        for _ in 0..URGENT_CAPACITY + 3 {
            seen.push(receiver.recv().await.expect("open"));
            tokio::task::yield_now().await;
        }
        assert_eq!(seen[URGENT_CAPACITY..], [200, 1, 2]);
        urgent.await.expect("no panic").expect("sent");
        plain.await.expect("no panic").expect("sent");
    }

    #[tokio::test]
    async fn a_widened_queue_takes_more_and_lets_waiting_senders_in() {
        let (sender, receiver, _) = small(1);
        sender.send(1).await.expect("room");
        let waiting = sender.clone();
        let waiting = tokio::spawn(async move { waiting.send(2).await });
        tokio::task::yield_now().await;
        sender.widen(2);
        waiting.await.expect("no panic").expect("sent");
        assert_eq!(receiver.len(), 2);
    }

    #[tokio::test]
    async fn a_sender_can_abort_the_queue_for_all() {
        let (sender, mut receiver, ledger) = small(2);
        sender.send(1).await.expect("room");
        sender.abort();
        assert_eq!(receiver.recv().await, None);
        assert_eq!(sender.send(2).await, Err(QueueClosed));
        assert_eq!(ledger.report().dropped[&DropReason::Closed], 2);
        assert!(ledger.report().is_balanced());
    }
}
