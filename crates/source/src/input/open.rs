//! Opening a file at its beginning or behind what was read before.

use super::{
    background::Background,
    compression::{Compression, InputError},
    http::{agent, ask, http_error, to_http_date},
    identity::{HEAD, Identity},
    location::{Location, redacted},
    soda::{Pages, page_address, rows_address},
};
use crate::SourceError;
use blotter_city::UtcMicros;
use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// An open file.
pub(crate) struct Input {
    /// Its bytes, decompressed. Errors are read by [`fault_of`].
    pub(crate) reader: Box<dyn Read + Send>,
    /// The reader stands behind what was read before, and not at the beginning: it is still the same file.
    pub(crate) resumed: bool,
    pub(crate) identity: Identity,
    /// When it changed last.
    pub(crate) modified: Option<UtcMicros>,
    /// Bytes taken from the file as stored so far.
    pub(crate) taken: Arc<AtomicU64>,
    pub(crate) compression: Compression,
}

/// What was read before.
pub(crate) struct Before<'a> {
    pub(crate) identity: &'a Identity,
    /// Decompressed bytes.
    pub(crate) offset: u64,
    /// It was not compressed, so that this is a place in the file as stored.
    pub(crate) plain: bool,
}

impl Input {
    /// Opens it, behind what was read before if it is the same file still.
    pub(crate) fn open(location: &Location, before: Option<&Before<'_>>) -> Result<Self, SourceError> {
        match location {
            Location::Path(path) => Self::open_path(path, before),
            Location::Url(url) => {
                if let Some(rows) = rows_address(url) {
                    return Self::open_pages(rows, before);
                }
                if let Some(before) = before.filter(|before| before.offset > 0 && before.plain)
                    && let Some(input) = Self::continue_url(url, before)?
                {
                    return Ok(input);
                }
                let answer = ask(&agent(), url, None)?;
                let fault = http_fault(url.as_str());
                let identity = Identity {
                    size: answer.size,
                    modified: answer.modified.map(|at| at.0),
                    etag: answer.etag,
                    head: 0,
                };
                Self::new(answer.body.into_with_config().limit(u64::MAX).reader(), identity, before, fault)
            }
        }
    }

    /// All rows of a data set.
    fn open_pages(rows: url::Url, before: Option<&Before<'_>>) -> Result<Self, SourceError> {
        let (agent, page) = (agent(), page_address(&rows, 0));
        let answer = ask(&agent, &page, None)?;
        // The size is that of the first page.
        let identity = Identity { size: None, modified: answer.modified.map(|at| at.0), etag: answer.etag, head: 0 };
        let first = answer.body.into_with_config().limit(u64::MAX).reader();
        Self::new(Pages::new(agent, rows, first), identity, before, http_fault(page.as_str()))
    }

    fn open_path(path: &Path, before: Option<&Before<'_>>) -> Result<Self, SourceError> {
        let at = path.to_owned();
        let fault: Fault = Arc::new(move |error| SourceError::File { path: at.clone(), error });
        let mut file = File::open(path).map_err(&*fault)?;
        let metadata = file.metadata().map_err(&*fault)?;
        if metadata.is_dir() {
            return Err(SourceError::Refused {
                what: path.display().to_string(),
                why: "it is a directory; give the files in it, one `--data` each".into(),
            });
        }
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let identity = Identity {
            size: metadata.is_file().then_some(metadata.len()),
            modified: modified.filter(|_| metadata.is_file()).map(|since| since.as_micros() as i64),
            etag: None,
            head: 0,
        };
        // Only a plain file can be read from its middle.
        if let Some(before) = before.filter(|before| before.offset > HEAD as u64)
            && metadata.is_file()
        {
            let mut head = Vec::with_capacity(HEAD);
            (&file).take(HEAD as u64).read_to_end(&mut head).map_err(&*fault)?;
            let identity = Identity { head: Identity::of_head(&head), ..identity.clone() };
            if Compression::detect(&head) == Compression::None && identity == *before.identity {
                file.seek(SeekFrom::Start(before.offset)).map_err(&*fault)?;
                let taken = Arc::new(AtomicU64::new(before.offset));
                let modified = identity.modified.map(UtcMicros);
                let reader = Box::new(Counted { inner: file, taken: Arc::clone(&taken), fault });
                return Ok(Self { reader, resumed: true, identity, modified, taken, compression: Compression::None });
            }
            file.rewind().map_err(&*fault)?;
        }
        Self::new(file, identity, before, fault)
    }

    /// The rest of a plain file behind an address, if the server knows that it is still the same.
    fn continue_url(url: &url::Url, before: &Before<'_>) -> Result<Option<Self>, SourceError> {
        let identity = before.identity;
        let strong = identity.etag.clone().filter(|tag| !tag.starts_with("W/"));
        let validator = strong.or_else(|| to_http_date(UtcMicros(identity.modified?)));
        let Some(validator) = validator else { return Ok(None) };
        let answer = match ask(&agent(), url, Some((before.offset, &validator))) {
            Ok(answer) => answer,
            // Some servers answer a range behind the end, or any range at all, with an error.
            Err(SourceError::Http { retryable: false, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !answer.partial || answer.size != identity.size {
            return Ok(None);
        }
        let taken = Arc::new(AtomicU64::new(before.offset));
        let inner = answer.body.into_with_config().limit(u64::MAX).reader();
        let counted = Counted { inner, taken: Arc::clone(&taken), fault: http_fault(url.as_str()) };
        Ok(Some(Self {
            reader: Box::new(background(Box::new(counted))?),
            resumed: true,
            identity: identity.clone(),
            modified: identity.modified.map(UtcMicros),
            taken,
            compression: Compression::None,
        }))
    }

    fn new(
        inner: impl Read + Send + 'static,
        identity: Identity,
        before: Option<&Before<'_>>,
        fault: Fault,
    ) -> Result<Self, SourceError> {
        let taken = Arc::new(AtomicU64::new(0));
        let remote = Arc::clone(&fault);
        let mut input = Counted { inner, taken: Arc::clone(&taken), fault };
        let mut head = Vec::with_capacity(HEAD);
        // A cut file may be shorter; its own error comes when it is read.
        (&mut input).take(HEAD as u64).read_to_end(&mut head).map_err(|error| fault_of(error, &*remote))?;
        let identity = Identity { head: Identity::of_head(&head), ..identity };
        let compression = Compression::detect(&head);
        let stored = BufReader::with_capacity(128 * 1024, Cursor::new(head).chain(input));
        let decoder = compression.decoder(stored).map_err(|error| fault_of(error, &*remote))?;
        let mut reader: Box<dyn Read + Send> =
            if compression == Compression::None { decoder } else { Box::new(background(decoder)?) };
        let known = identity.size.is_some() || identity.modified.is_some() || identity.etag.is_some();
        let resumed = known && before.is_some_and(|before| *before.identity == identity);
        if let Some(before) = before.filter(|before| resumed && before.offset > 0) {
            let skipped = io::copy(&mut (&mut reader).take(before.offset), &mut io::sink())
                .map_err(|error| fault_of(error, &*remote))?;
            debug_assert_eq!(skipped, before.offset, "the same file has the same bytes");
        }
        let modified = identity.modified.map(UtcMicros);
        Ok(Self { reader, resumed, identity, modified, taken, compression })
    }

    /// Bytes taken so far, and of how many.
    pub(crate) fn progress(identity: &Identity, taken: &AtomicU64) -> crate::Progress {
        crate::Progress { done: taken.load(Ordering::Relaxed), total: identity.size }
    }
}

type Fault = Arc<dyn Fn(io::Error) -> SourceError + Send + Sync>;

fn http_fault(url: &str) -> Fault {
    let url = url.to_owned();
    Arc::new(move |error| match error.downcast::<InputError>().map(|InputError(error)| error) {
        Ok(error) => error,
        Err(error) => match error.downcast::<ureq::Error>() {
            Ok(error) => http_error(&url, &error),
            Err(error) => SourceError::Http {
                url: redacted(&url),
                why: format!("the connection broke off: {error}"),
                retryable: true,
                retry_after: None,
            },
        },
    })
}

fn background(reader: Box<dyn Read + Send>) -> Result<Background, SourceError> {
    Background::spawn(reader).map_err(|error| SourceError::Refused {
        what: "the source".into(),
        why: format!("no thread can be started: {error}"),
    })
}

/// The error of a read, as the reader marked it.
pub(crate) fn fault_of(error: io::Error, otherwise: impl Fn(io::Error) -> SourceError) -> SourceError {
    match error.downcast::<InputError>() {
        Ok(InputError(error)) => error,
        Err(error) => otherwise(error),
    }
}

/// Counts bytes, and marks errors as those of the file or the network, not of a decoder above.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
    fault: Fault,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.taken.fetch_add(read as u64, Ordering::Relaxed);
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(io::Error::other(InputError((self.fault)(error)))),
        }
    }
}
