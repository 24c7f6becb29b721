//! Files to import: a first byte that chooses the format, then the file. No record ends the
//! reading, and reading that was broken off goes on where it was.
#![no_main]

use kudos_core::Kinds;
use kudos_import::{Columns, Format, Lines};
use libfuzzer_sys::fuzz_target;

const POST: [&str; 3] = ["post", "title", "created_at"];
const REACTION: [&str; 4] = ["post", "user", "kind", "at"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, file)) = data.split_first() else {
        return;
    };
    let format = match choice % 2 {
        0 => Format::JsonLines,
        _ => Format::Csv,
    };
    let kinds = Kinds::default();
    let mut lines = Lines::new(file, format);
    let mut columns: Vec<Columns> = Vec::new();
    let mut last = 0;
    loop {
        let (offset, read) = (lines.offset(), lines.lines());
        let line = lines.next_line().expect("memory can be read");
        let rest = usize::try_from(offset).expect("the file is in memory");
        let mut resumed = Lines::resume(&file[rest..], format, offset, read);
        assert_eq!(resumed.next_line().expect("memory can be read"), line);
        let Some(line) = line else { break };
        assert!(line.number > last, "line numbers go up");
        last = line.number;
        let Ok(record) = line.bytes else { continue };
        for required in [&POST[..], &REACTION[..]] {
            columns.extend(format.columns(&record, required));
        }
        columns.truncate(4);
        for columns in &columns {
            let _ = columns.post(&record);
            let _ = columns.reaction(&record, &kinds);
        }
    }
    assert_eq!(lines.offset(), file.len() as u64);
});
