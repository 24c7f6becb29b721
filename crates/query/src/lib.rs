//! Kudos.
