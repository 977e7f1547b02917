//! The server's own loop. It bounds what strangers can hold, so that the process keeps its files, memory and threads:
//!
//! - [`Limits`]: how many connections at once (a quarter of the files that the process may open), and how long a client may
//!   take over a request's head, keep an idle connection, or leave an answer unread;
//! - [`Connections`]: who is connected. When all places are taken, a newcomer gets that of the connection that has waited the
//!   longest for a request; where none waits, it gets 503;
//! - [`serve`]: accepts, serves HTTP/1, and closes in good order.
//!
//! HTTP/2 is deliberately absent: nothing here needs it without TLS, and what is not accepted cannot be reset rapidly. A proxy
//! in front speaks it to browsers.

mod connections;
mod limits;
mod server;
#[cfg(test)]
mod tests;
mod unread;

pub use connections::Connections;
pub use limits::Limits;
pub use server::serve;
