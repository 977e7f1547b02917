//! Decompression by magic bytes.

use std::io::{self, BufRead, Read};

/// Compressed data that breaks off or is damaged. What came before was handed out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DamagedInput(pub(crate) String);

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

impl Compression {
    /// Tells it from a file's first bytes.
    pub(crate) fn detect(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // A frame, or a skippable one before it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    /// What `input` decompresses to. Errors of `input` itself pass unchanged if they are marked by [`InputError`].
    pub(crate) fn decoder(self, input: impl BufRead + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let inner: Box<dyn Read + Send> = match self {
            Self::None => return Ok(Box::new(input)),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(input)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(31)?;
                Box::new(decoder)
            }
        };
        Ok(Box::new(Decoder { inner, compression: self }))
    }
}

/// An error of the input below a decoder, as against one of the decoder.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct InputError(pub(crate) crate::SourceError);

struct Decoder {
    inner: Box<dyn Read + Send>,
    compression: Compression,
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted
                || error.get_ref().is_some_and(
                    <dyn std::error::Error + std::marker::Send + std::marker::Sync + 'static>::is::<InputError>,
                )
            {
                return error;
            }
            let name = self.compression.name();
            let text = error.to_string();
            // The three libraries say it in three ways.
            let cut = error.kind() == io::ErrorKind::UnexpectedEof || text.contains("premature eof");
            io::Error::other(DamagedInput(if cut {
                format!("the file ends inside a compressed frame ({name}); it was cut, get it again")
            } else {
                format!("the compressed data ({name}) is damaged: {text}; get the file again")
            }))
        })
    }
}
