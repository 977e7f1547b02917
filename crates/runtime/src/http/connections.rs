//! Who is connected, and whose place a newcomer gets when all are taken.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// A closed connection gives its place back at once; it is waited for no longer than this.
const CLOSING: Duration = Duration::from_secs(1);
/// A client that has left an answer unread for so long may lose its place to a newcomer.
const UNREAD: Duration = Duration::from_secs(2);

/// All connections of one server.
pub struct Connections {
    places: Arc<Semaphore>,
    begun: Instant,
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    next: AtomicU64,
    /// Newcomers that were sent away.
    pub refused: AtomicU64,
    /// Connections that were closed for a newcomer.
    pub displaced: AtomicU64,
}

/// One connection, as it is judged when places are scarce.
pub struct Connection {
    peer: IpAddr,
    begun: Instant,
    /// Since when it waits for a request, or leaves an answer unread: milliseconds after `begun`, and [`NEVER`].
    waiting: AtomicU64,
    unread: AtomicU64,
    displaced: Notify,
}

const NEVER: u64 = u64::MAX;

/// A place among the connections. It is given back when this is dropped, which must be after the connection's file is closed.
pub struct Admission {
    all: Arc<Connections>,
    number: u64,
    pub connection: Arc<Connection>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.all.locked().remove(&self.number);
    }
}

impl Connections {
    /// Places for so many.
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(places)),
            begun: Instant::now(),
            open: Mutex::default(),
            next: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            displaced: AtomicU64::new(0),
        })
    }

    /// How many are connected.
    pub fn open(&self) -> usize {
        self.locked().len()
    }

    /// A place for a newcomer, another connection's where none is free. None where every connection is at work.
    pub async fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admission> {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) if self.displace(Some(peer)) => {
                let place = timeout(CLOSING, Arc::clone(&self.places).acquire_owned()).await;
                place.ok().and_then(Result::ok)
            }
            Err(_) => None,
        };
        let Some(place) = place else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(peer, self.begun));
        self.locked().insert(number, Arc::clone(&connection));
        Some(Admission { all: Arc::clone(self), number, connection, _place: place })
    }

    /// Closes the connection that can best be spared, for a newcomer or because files are short; whether there is one.
    pub fn displace(&self, newcomer: Option<IpAddr>) -> bool {
        let mut open = self.locked();
        let facts: Vec<Facts> = open.iter().map(|(number, connection)| connection.facts(*number)).collect();
        let Some(number) = spared(&facts, newcomer) else { return false };
        // Without it in the list nobody displaces it twice.
        let Some(connection) = open.remove(&number) else { return false };
        drop(open);
        self.displaced.fetch_add(1, Ordering::Relaxed);
        connection.displaced.notify_one();
        true
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        // Inserting and removing leave nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn new(peer: IpAddr, begun: Instant) -> Self {
        let connection =
            Self { peer, begun, waiting: AtomicU64::new(0), unread: AtomicU64::new(NEVER), displaced: Notify::new() };
        connection.waits();
        connection
    }

    /// It has been displaced.
    pub async fn displaced(&self) {
        self.displaced.notified().await;
    }

    /// It waits for a request from now on.
    pub fn waits(&self) {
        self.waiting.store(self.now(), Ordering::Relaxed);
    }

    /// It has a request.
    pub fn works(&self) {
        self.waiting.store(NEVER, Ordering::Relaxed);
    }

    /// Its client leaves an answer unread from now on, or reads on.
    pub fn unread(&self, is_unread: bool) {
        self.unread.store(if is_unread { self.now() } else { NEVER }, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }

    fn facts(&self, number: u64) -> Facts {
        let since = |since: &AtomicU64| {
            let since = since.load(Ordering::Relaxed);
            (since != NEVER).then(|| Duration::from_millis(self.now().saturating_sub(since)))
        };
        Facts { number, peer: self.peer, waiting: since(&self.waiting), unread: since(&self.unread) }
    }
}

/// What is known of a connection when places are scarce.
#[derive(Clone, Copy, Debug)]
struct Facts {
    number: u64,
    peer: IpAddr,
    /// For how long it has waited for a request.
    waiting: Option<Duration>,
    /// For how long its client has left an answer unread.
    unread: Option<Duration>,
}

/// The connection that can best be spared: of the address with the most connections, the one that has waited the longest for a
/// request; where none waits, the one whose answer has lain unread the longest. An address that has more connections than
/// any that could spare one gets no further place: it would take that of somebody with fewer.
fn spared(connections: &[Facts], newcomer: Option<IpAddr>) -> Option<u64> {
    let mut held: HashMap<IpAddr, usize> = HashMap::new();
    for connection in connections {
        *held.entry(connection.peer).or_default() += 1;
    }
    let least = newcomer.and_then(|peer| held.get(&peer).copied()).unwrap_or(0);
    let idle = |connection: &&Facts| {
        let share = held[&connection.peer];
        let for_long = match (connection.waiting, connection.unread) {
            (Some(waiting), _) => (1, waiting),
            (None, Some(unread)) if unread >= UNREAD => (0, unread),
            _ => return None,
        };
        (share >= least).then_some((share, for_long))
    };
    let found = connections.iter().filter_map(|connection| Some((idle(&connection)?, connection.number)));
    found.max_by_key(|(rank, number)| (*rank, std::cmp::Reverse(*number))).map(|(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn facts(number: u64, peer: u8, waiting_ms: Option<u64>, unread_ms: Option<u64>) -> Facts {
        let [waiting, unread] = [waiting_ms, unread_ms].map(|ms| ms.map(Duration::from_millis));
        Facts { number, peer: address(peer), waiting, unread }
    }

    fn address(peer: u8) -> IpAddr {
        IpAddr::from(Ipv4Addr::new(192, 0, 2, peer))
    }

    #[test]
    fn the_connection_that_waited_longest_is_spared_first() {
        let check = |connections: &[Facts], newcomer: u8, expect: Option<u64>| {
            assert_eq!(spared(connections, Some(address(newcomer))), expect, "{connections:?}");
        };
        check(&[], 1, None);
        // At work: nobody is cut off.
        check(&[facts(0, 1, None, None), facts(1, 1, None, Some(100))], 1, None);
        check(&[facts(0, 1, Some(5), None), facts(1, 1, Some(70), None), facts(2, 1, None, None)], 1, Some(1));
        check(&[facts(0, 1, None, Some(2_500)), facts(1, 1, None, Some(9_000))], 1, Some(1));
        check(&[facts(0, 1, None, Some(9_000)), facts(1, 1, Some(1), None)], 1, Some(1));
    }

    #[test]
    fn the_address_with_the_most_connections_spares_one() {
        let crowd = [facts(0, 1, Some(5), None), facts(1, 1, Some(6), None), facts(2, 2, Some(900), None)];
        assert_eq!(spared(&crowd, Some(address(3))), Some(1));
        assert_eq!(spared(&crowd, Some(address(1))), Some(1));
        // It is at work with all of its own, and takes nobody else's.
        let busy = [facts(0, 1, None, None), facts(1, 1, None, None), facts(2, 2, Some(900), None)];
        assert_eq!(spared(&busy, Some(address(1))), None);
        assert_eq!(spared(&busy, Some(address(3))), Some(2));
        assert_eq!(spared(&busy, None), Some(2));
    }
}
