//! The lanes of the map's questions, so that those of milliseconds and operations never stand behind those of seconds.

use blotter_runtime::{AnswerMemory, Lane};
use std::time::Duration;

/// All lanes of one server, and the memory that its answers may hold.
pub(crate) struct Lanes {
    /// Questions that take milliseconds.
    pub(crate) quick: Lane,
    /// Questions that read records from the log or from disk.
    pub(crate) records: Lane,
    /// Questions that may take seconds.
    pub(crate) heavy: Lane,
    /// Questions of those who run it: metrics.
    pub(crate) operations: Lane,
    /// Answers that were found and are still being sent.
    pub(crate) sending: AnswerMemory,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            quick: Lane::new("quick", Self::QUICK, 4096, Duration::from_secs(10)),
            records: Lane::new("records", Self::RECORDS, 256, Duration::from_secs(10)),
            // Each uses all cores by itself. Two, so that a short one need not wait for a long one.
            heavy: Lane::new("heavy", 2, 16, Duration::from_secs(10)).heavy(),
            operations: Lane::new("operations", Self::OPERATIONS, 64, Duration::from_secs(10)),
            sending: AnswerMemory::new(192 << 20),
        }
    }
}

impl Lanes {
    const QUICK: usize = 4;
    const RECORDS: usize = 2;
    const OPERATIONS: usize = 2;
    /// Threads that a runtime needs so that no lane waits for another's.
    pub(crate) const BLOCKING_THREADS: usize = Self::QUICK + Self::RECORDS + Self::OPERATIONS + 2;

    pub(crate) fn all(&self) -> [&Lane; 4] {
        [&self.quick, &self.records, &self.heavy, &self.operations]
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_runtime::Demand;
    use std::sync::{Arc, mpsc};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn lanes_do_not_wait_for_each_other() {
        let lanes = Arc::new(Lanes::default());
        let mut held = Vec::new();
        for _ in 0..2 {
            let (begin, begun) = oneshot::channel();
            let (end, ended) = mpsc::channel::<()>();
            let lanes = Arc::clone(&lanes);
            let asking = tokio::spawn(async move {
                let question = move |_: &Demand| {
                    let _heard = begin.send(());
                    let _ended = ended.recv();
                    Ok(())
                };
                lanes.heavy.run_while_wanted(question).await
            });
            begun.await.unwrap();
            held.push((end, asking));
        }
        assert_eq!(lanes.quick.run(|| Ok(1)).await, Ok(1));
        assert_eq!(lanes.operations.run(|| Ok(2)).await, Ok(2));
        for (end, asking) in held {
            drop(end);
            assert_eq!(asking.await.unwrap(), Ok(()));
        }
    }
}
