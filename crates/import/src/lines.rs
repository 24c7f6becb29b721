//! A file cut into records: lines, or for CSV as many lines as an open quote spans.

use std::io::{self, BufRead, Read};

use crate::{Format, Refusal};

/// The longest record, in bytes, its line ends included.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// A record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The number of its first line, from 1.
    pub number: u64,
    /// The bytes, without the line end; or why they cannot be had.
    pub bytes: Result<Vec<u8>, Refusal>,
}

/// Reads records one by one, in bounded memory.
///
/// A CSV quote that is never closed costs the records up to [`MAX_RECORD_BYTES`] behind it, and
/// is refused; reading goes on behind that.
pub struct Lines<R> {
    input: R,
    format: Format,
    /// Bytes read so far.
    offset: u64,
    /// Lines read so far.
    lines: u64,
}

impl<R: BufRead> Lines<R> {
    /// Records of an input from its beginning.
    pub fn new(input: R, format: Format) -> Self {
        Self { input, format, offset: 0, lines: 0 }
    }

    /// Records of an input that stands at `offset`, behind `lines` lines.
    pub fn resume(input: R, format: Format, offset: u64, lines: u64) -> Self {
        Self { input, format, offset, lines }
    }

    /// Bytes read so far: the offset of the next record.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Lines read so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The next record that is not blank; none at the end.
    ///
    /// # Errors
    /// Those of the input.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let at_start = self.offset == 0;
            let number = self.lines + 1;
            let Some(bytes) = self.read_record()? else {
                return Ok(None);
            };
            let bytes = bytes.map(|bytes| if at_start { without_mark(bytes) } else { bytes });
            if !bytes.as_ref().is_ok_and(|bytes| bytes.trim_ascii().is_empty()) {
                return Ok(Some(Line { number, bytes }));
            }
        }
    }

    fn read_record(&mut self) -> io::Result<Option<Result<Vec<u8>, Refusal>>> {
        let mut record = Vec::new();
        let mut open_quote = false;
        loop {
            let start = record.len();
            let whole = self.read_physical(&mut record)?;
            let read = &record[start..];
            if read.is_empty() {
                return Ok((start > 0).then(|| Ok(trimmed(record))));
            }
            if !whole {
                if read.last() != Some(&b'\n') {
                    self.skip_physical()?;
                }
                return Ok(Some(Err(Refusal::TooLong)));
            }
            let quotes = read.iter().filter(|&&byte| byte == b'"').count();
            open_quote ^= self.format == Format::Csv && quotes % 2 == 1;
            if !open_quote {
                return Ok(Some(Ok(trimmed(record))));
            }
        }
    }

    /// Appends the next line, unless the record grows too long: then false.
    fn read_physical(&mut self, record: &mut Vec<u8>) -> io::Result<bool> {
        let room = MAX_RECORD_BYTES.saturating_sub(record.len());
        // One byte more than fits tells a record that is too long from one that just fits.
        let mut input = self.input.by_ref().take(room as u64 + 1);
        let read = input.read_until(b'\n', record)?;
        self.offset += read as u64;
        self.lines += u64::from(read > 0);
        Ok(read <= room)
    }

    /// Reads on to the end of a line that is not wanted.
    fn skip_physical(&mut self) -> io::Result<()> {
        let read = self.input.skip_until(b'\n')?;
        self.offset += read as u64;
        Ok(())
    }
}

fn trimmed(mut record: Vec<u8>) -> Vec<u8> {
    if record.last() == Some(&b'\n') {
        record.pop();
        if record.last() == Some(&b'\r') {
            record.pop();
        }
    }
    record
}

/// Some programs begin a file of UTF-8 with a byte order mark.
fn without_mark(bytes: Vec<u8>) -> Vec<u8> {
    match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, bytes: &[u8]) -> Vec<(u64, Result<String, Refusal>)> {
        let mut lines = Lines::new(bytes, format);
        let mut all = Vec::new();
        while let Some(Line { number, bytes }) = lines.next_line().unwrap() {
            all.push((number, bytes.map(|bytes| String::from_utf8(bytes).unwrap())));
        }
        assert_eq!(lines.offset(), bytes.len() as u64);
        all
    }

    #[test]
    fn lines_are_numbered_and_blank_ones_skipped() {
        let read = read(Format::JsonLines, b"\xef\xbb\xbfa\r\n\n  \nb");
        assert_eq!(read, [(1, Ok("a".into())), (4, Ok("b".into()))]);
    }

    #[test]
    fn a_quoted_line_end_is_part_of_the_record() {
        let read = read(Format::Csv, b"h\n\"a\nb\"\"\n\",1\nc\n");
        let record = "\"a\nb\"\"\n\",1".to_owned();
        assert_eq!(read, [(1, Ok("h".into())), (2, Ok(record)), (5, Ok("c".into()))]);
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_alone() {
        let long = "x".repeat(MAX_RECORD_BYTES);
        let text = format!("{long}\n{}\nb\n", &long[1..]);
        let read = read(Format::JsonLines, text.as_bytes());
        assert_eq!((read[0].0, &read[0].1), (1, &Err(Refusal::TooLong)));
        assert_eq!((read[1].0, read[1].1.is_ok()), (2, true));
        assert_eq!(read[2], (3, Ok("b".into())));
    }
}
