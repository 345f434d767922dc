//! When commits become durable.

/// What a commit waits for, in stores that offer the choice.
///
/// Either way a batch is stored as a whole or not at all, and the file stays intact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// A commit waits for the disk: an acknowledged batch survives a power loss.
    #[default]
    Immediate,
    /// A commit does not wait for the disk, which is faster if commits are small. A failure may undo the last commits, each
    /// as a whole; the store's documentation says which failures, and how many commits.
    Eventual,
}
