//! When a commit is durable.

/// What a commit waits for, in stores that leave the choice.
///
/// Either way a batch is stored as a whole or not at all, and the file stays intact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// The disk: an acknowledged batch survives a loss of power.
    #[default]
    Immediate,
    /// Less than the disk, which is faster where commits are small. A failure may undo the last commits, each as a whole;
    /// the store's own documentation says which failures, and how many commits.
    Eventual,
}
