//! The threads on which the store's asynchronous clients run, so that roles can be plain threads.

use std::{future::Future, io, sync::Mutex};
use tokio::runtime::{Builder, Handle, Runtime};

/// Two worker threads, given back in the background when the last store of the process closes.
#[derive(Debug)]
pub(crate) struct StoreRuntime {
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
}

impl StoreRuntime {
    pub(crate) fn start() -> io::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(2).thread_name("blotter-store").enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Mutex::new(Some(runtime)) })
    }

    /// Runs to completion on the calling thread, which must be no worker of an asynchronous runtime.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }
}

impl Drop for StoreRuntime {
    fn drop(&mut self) {
        if let Ok(Some(runtime)) = self.runtime.get_mut().map(Option::take) {
            runtime.shutdown_background();
        }
    }
}
