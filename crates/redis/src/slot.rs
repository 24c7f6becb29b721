//! Which of the 16,384 slots of a cluster a key is in.

/// How many slots a cluster has.
pub const SLOTS: u16 = 16_384;

/// The slot of a key: CRC-16/XMODEM of its hash tag, or else of all of it, as the specification of
/// Redis Cluster has it.
pub fn slot_of(key: &str) -> u16 {
    crc16(hash_tag(key).unwrap_or(key)) % SLOTS
}

/// What stands between the first `{` and the first `}` behind it, if there is anything.
fn hash_tag(key: &str) -> Option<&str> {
    let (_, behind) = key.split_once('{')?;
    let (tag, _) = behind.split_once('}')?;
    (!tag.is_empty()).then_some(tag)
}

/// Polynomial 0x1021, initial value 0, nothing reflected.
pub(crate) fn crc16(text: &str) -> u16 {
    text.bytes().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_that_redis_computes() {
        let known = [
            ("post:123:reactions", 10781),
            ("post:456:reactions", 11158),
            ("post:789:reactions", 14857),
            ("post:234:reactions", 3952),
            ("posts:by_reactions", 12488),
            ("posts:by_time", 939),
            ("123456789", 0x31c3),
        ];
        for (key, slot) in known {
            assert_eq!(slot_of(key), slot, "{key}");
        }
    }

    #[test]
    fn a_hash_tag_alone_decides() {
        assert_eq!(slot_of("{posts:by_reactions}:h:7"), slot_of("posts:by_reactions"));
        assert_eq!(slot_of("a{}b"), crc16("a{}b") % SLOTS);
        assert_eq!(slot_of("a{b}{c}"), slot_of("b"));
    }
}
