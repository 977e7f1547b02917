//! One row as a tokenizer leaves it.

/// One row as a tokenizer leaves it: bytes, and where each field lies in them.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    bytes: &'a [u8],
    fields: Fields<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Fields<'a> {
    Ends(&'a [usize]),
    Spans(&'a [(u32, u32)]),
}

impl<'a> Row<'a> {
    /// `ends[i]` is the end of field `i` in `bytes`, which is the beginning of the next.
    pub fn new(bytes: &'a [u8], ends: &'a [usize]) -> Self {
        Self { bytes: ends.last().map_or(&[], |end| &bytes[..*end]), fields: Fields::Ends(ends) }
    }

    /// `spans[i]` is the beginning and the end of field `i` in `bytes`: what lies between fields (delimiters,
    /// quotes) stays where it is and no field is copied.
    pub fn spanned(bytes: &'a [u8], spans: &'a [(u32, u32)]) -> Self {
        Self { bytes, fields: Fields::Spans(spans) }
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        match self.fields {
            Fields::Ends(ends) => ends.len(),
            Fields::Spans(spans) => spans.len(),
        }
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One field's bytes.
    pub fn field(&self, index: usize) -> &'a [u8] {
        let (start, end) = self.span(index);
        &self.bytes[start..end]
    }

    pub(crate) fn span(&self, index: usize) -> (usize, usize) {
        match self.fields {
            Fields::Ends(ends) => (if index == 0 { 0 } else { ends[index - 1] }, ends[index]),
            Fields::Spans(spans) => (spans[index].0 as usize, spans[index].1 as usize),
        }
    }

    /// Fields and what lies between them.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
