//! Names and values, the last of each: a compacted topic, and what it came to in memory.

use super::{
    client::Client,
    cursor::{Cursor, ReadOutcome},
};
use crate::LogError;
use std::{collections::BTreeMap, sync::Arc};

pub(super) struct Positions {
    client: Arc<Client>,
    name: String,
    cursor: Option<Cursor>,
    values: BTreeMap<String, Vec<u8>>,
}

impl Positions {
    pub(super) fn new(client: Arc<Client>, name: &str) -> Self {
        Self { client, name: name.to_owned(), cursor: None, values: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        self.follow()?;
        Ok(self.values.get(name).cloned())
    }

    pub(super) fn starting_with(&mut self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        self.follow()?;
        let found = self.values.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        Ok(found.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Reads on to the end.
    fn follow(&mut self) -> Result<(), LogError> {
        // The end is asked for each time: what a writer finds here decides where it goes on.
        let end = self.client.bounds(&self.name, 0)?;
        let mut cursor = if let Some(cursor) = self.cursor.take() {
            cursor
        } else {
            self.values.clear();
            Cursor::open(Arc::clone(&self.client), &self.name, None, 0, end.earliest.0)?
        };
        while cursor.next() < end.next.0 {
            let values = &mut self.values;
            let taken = cursor.take(|seen| {
                if let Some(name) = seen.message.key {
                    let name = String::from_utf8_lossy(name).into_owned();
                    match seen.message.value {
                        Some(value) => values.insert(name, value.to_vec()),
                        None => values.remove(&name),
                    };
                }
                true
            })?;
            if let ReadOutcome::Nothing(next) = taken
                && next >= end.next.0
            {
                break;
            }
        }
        self.cursor = Some(cursor);
        Ok(())
    }
}
