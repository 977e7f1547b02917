//! A reader that runs ahead on a thread of its own.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

const BLOCK: usize = 256 * 1024;
const AHEAD: usize = 4;

/// Reads ahead on another thread, which ends with its reader, with an error or when this is dropped.
pub(crate) struct Background {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: SyncSender<Vec<u8>>,
    block: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl Background {
    pub(crate) fn spawn(mut input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (full_sender, full) = sync_channel(AHEAD);
        let (empty, empty_receiver) = sync_channel::<Vec<u8>>(AHEAD + 2);
        std::thread::Builder::new().name("source: decompress".into()).spawn(move || {
            loop {
                let mut block = empty_receiver.try_recv().unwrap_or_default();
                block.resize(BLOCK, 0);
                let mut filled = 0;
                let read = loop {
                    match input.read(&mut block[filled..]) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        // What was read before an error is handed out before it.
                        Err(error) => break Some(Err(error)),
                        Ok(0) => break Some(Ok(Vec::new())),
                        Ok(read) => filled += read,
                    }
                    // A decoder gives small pieces; a slow network must not be waited for.
                    if filled >= BLOCK / 2 || filled > 0 && filled < 4096 {
                        break None;
                    }
                };
                block.truncate(filled);
                if filled > 0 && full_sender.send(Ok(block)).is_err() {
                    return;
                }
                if let Some(last) = read {
                    // The other end may have gone.
                    let _gone = full_sender.send(last);
                    return;
                }
            }
        })?;
        Ok(Self { full, empty, block: Vec::new(), taken: 0, ended: false })
    }
}

impl Read for Background {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.block.len() && !self.ended {
            match self.full.recv() {
                Ok(Ok(block)) => {
                    self.ended = block.is_empty();
                    let empty = std::mem::replace(&mut self.block, block);
                    self.taken = 0;
                    // A full queue drops the block.
                    let _kept = self.empty.try_send(empty);
                }
                Ok(Err(error)) => {
                    self.ended = true;
                    return Err(error);
                }
                Err(_) => {
                    self.ended = true;
                    return Err(io::Error::other("the decompressing thread has gone"));
                }
            }
        }
        let rest = &self.block[self.taken..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}
