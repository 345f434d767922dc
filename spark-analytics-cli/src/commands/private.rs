//! Files that only their owner may read and write.

use std::fs::OpenOptions;

/// With these options, files are created so. Those that exist keep their mode.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    options.mode(0o600)
}

#[cfg(not(unix))]
pub(super) const fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
