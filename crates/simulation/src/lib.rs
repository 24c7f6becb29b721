//! The whole suite in one thread, on backends in memory, with time that stands still but for timers
//! and chance that follows from one seed: whatever can go wrong at any port does, and at the end
//! every copy is EXACT. `make simulate` runs ten thousand seeds.
//!
//! There is nothing here but tests: what is simulated are the engines and their faults. The write
//! path, the deliveries, the sweeper, the projector, the loader, the auditor and the readers are
//! those of the services.
