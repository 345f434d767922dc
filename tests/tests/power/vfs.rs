//! SQLite's access to files, recorded on a [`Disk`].
//!
//! SQLite's own access to files is used, except for opening and deleting, and, for files in a watched folder, reading, writing,
//! truncating, syncing and closing. Index files in shared memory (`-shm`) do not survive a crash.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::{Arc, Mutex, Once, OnceLock};

use libsqlite3_sys::{
    SQLITE_ACCESS_EXISTS, SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_IOERR_READ,
    SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_WRITE, SQLITE_OK, sqlite3_file, sqlite3_int64,
    sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find, sqlite3_vfs_register,
};

use crate::disk::{Access, Disk, NO_SPACE};
use crate::tape::Step;

static DISKS: Mutex<Vec<(PathBuf, Arc<Disk>)>> = Mutex::new(Vec::new());
/// Open files by their addresses.
static FILES: Mutex<Option<HashMap<usize, File>>> = Mutex::new(None);
static PLAIN: OnceLock<Plain> = OnceLock::new();
/// Kinds of files have different methods.
static METHODS: Mutex<Vec<&Methods>> = Mutex::new(Vec::new());

/// SQLite's own access to files.
#[derive(Clone, Copy)]
struct Plain(*mut sqlite3_vfs);

/// The methods of a file, SQLite's own and their replacements.
struct Methods {
    plain: &'static sqlite3_io_methods,
    watched: sqlite3_io_methods,
}

// SAFETY: it points to a static of SQLite that is not changed after it started.
unsafe impl Send for Plain {}
unsafe impl Sync for Plain {}

#[derive(Clone)]
struct File {
    disk: Arc<Disk>,
    number: usize,
    plain: &'static sqlite3_io_methods,
}

/// A folder whose files are recorded until this is dropped.
#[derive(Debug)]
pub(crate) struct Watched<'p>(&'p Path);

/// Starts recording what SQLite does in a folder.
pub(crate) fn watch<'p>(folder: &'p Path, disk: &Arc<Disk>) -> Watched<'p> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(register);
    DISKS.lock().unwrap().push((folder.to_owned(), Arc::clone(disk)));
    Watched(folder)
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        DISKS.lock().unwrap().retain(|(folder, _)| folder != self.0);
    }
}

fn register() {
    // SAFETY: the pointer found is to a static of SQLite, which is copied. The copy lives as long as the
    // process.
    unsafe {
        let plain = sqlite3_vfs_find(ptr::null());
        assert!(PLAIN.set(Plain(plain)).is_ok(), "registered once");
        let mut watched = *plain;
        watched.zName = c"watched".as_ptr();
        watched.pNext = ptr::null_mut();
        watched.xOpen = Some(open);
        watched.xDelete = Some(delete);
        let code = sqlite3_vfs_register(Box::leak(Box::new(watched)), 1);
        assert_eq!(code, SQLITE_OK);
    }
}

/// The disk of a file, and its name there.
///
/// # Safety
/// The name must be null or end with zero.
unsafe fn place(name: *const c_char) -> Option<(Arc<Disk>, String)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: guaranteed by the caller.
    let path = Path::new(unsafe { CStr::from_ptr(name) }.to_str().ok()?);
    let disks = DISKS.lock().unwrap();
    let (_, disk) = disks.iter().find(|(folder, _)| Some(folder.as_path()) == path.parent())?;
    Some((Arc::clone(disk), path.file_name()?.to_str()?.to_owned()))
}

// SAFETY of the functions below: SQLite calls them with the arguments that its documentation of VFS objects describes, and
// they pass them on unchanged.

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    unsafe {
        let plain = PLAIN.get().unwrap().0;
        let place = place(name);
        let mut exists = 0;
        if place.is_some() {
            (*plain).xAccess.unwrap()(plain, name, SQLITE_ACCESS_EXISTS, &mut exists);
        }
        let code = (*plain).xOpen.unwrap()(plain, name, file, flags, out_flags);
        if code == SQLITE_OK
            && let Some((disk, name)) = place
        {
            let is_new = exists == 0 && !disk.knows(&name);
            let number = disk.open(&name, is_new);
            let methods = methods_for((*file).pMethods);
            (*file).pMethods = &methods.watched;
            let opened = File { disk, number, plain: methods.plain };
            FILES.lock().unwrap().get_or_insert_default().insert(file.addr(), opened);
        }
        code
    }
}

unsafe extern "C" fn delete(_vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    unsafe {
        let plain = PLAIN.get().unwrap().0;
        let code = (*plain).xDelete.unwrap()(plain, name, sync);
        if code == SQLITE_OK
            && let Some((disk, name)) = place(name)
        {
            disk.remove(&name);
            if sync != 0 {
                disk.done(Step::SyncNames);
            }
        }
        code
    }
}

/// # Safety
/// The methods must be those of an open file.
unsafe fn methods_for(plain: *const sqlite3_io_methods) -> &'static Methods {
    // SAFETY: the methods of an open file are a static of SQLite.
    let plain = unsafe { &*plain };
    let mut known = METHODS.lock().unwrap();
    if let Some(methods) = known.iter().find(|methods| ptr::eq(methods.plain, plain)) {
        return methods;
    }
    let watched = sqlite3_io_methods {
        // Without the mapped memory of version 3, whose writes could not be recorded.
        iVersion: plain.iVersion.min(2),
        xClose: Some(close),
        xRead: Some(read),
        xWrite: Some(write),
        xTruncate: Some(truncate),
        xSync: Some(sync),
        ..*plain
    };
    let methods: &'static Methods = Box::leak(Box::new(Methods { plain, watched }));
    known.push(methods);
    methods
}

fn watched(file: *mut sqlite3_file) -> File {
    FILES.lock().unwrap().as_ref().unwrap()[&file.addr()].clone()
}

/// SQLite's error code for one of the operating system.
fn code(error: i32, otherwise: c_int) -> c_int {
    if error == NO_SPACE { SQLITE_FULL } else { otherwise }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let opened = watched(file);
    FILES.lock().unwrap().as_mut().unwrap().remove(&file.addr());
    unsafe { opened.plain.xClose.unwrap()(file) }
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    to: *mut c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    let File { disk, plain, .. } = watched(file);
    if disk.access(Access::Read).is_err() {
        return SQLITE_IOERR_READ;
    }
    unsafe { plain.xRead.unwrap()(file, to, count, at) }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    let File { disk, number, plain } = watched(file);
    if let Err(error) = disk.access(Access::Write) {
        return code(error, SQLITE_IOERR_WRITE);
    }
    unsafe {
        let bytes = std::slice::from_raw_parts(from.cast::<u8>(), count as usize).to_vec();
        let code = plain.xWrite.unwrap()(file, from, count, at);
        if code == SQLITE_OK {
            disk.done(Step::Write { file: number, at: at as u64, bytes });
        }
        code
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, len: sqlite3_int64) -> c_int {
    let File { disk, number, plain } = watched(file);
    if disk.access(Access::SetLen).is_err() {
        return SQLITE_IOERR_TRUNCATE;
    }
    let code = unsafe { plain.xTruncate.unwrap()(file, len) };
    if code == SQLITE_OK {
        disk.done(Step::SetLen { file: number, len: len as u64 });
    }
    code
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    let File { disk, number, .. } = watched(file);
    if disk.access(Access::Sync).is_err() {
        disk.done(Step::SyncFailed { file: number });
        return SQLITE_IOERR_FSYNC;
    }
    // A recorded file need not wait for a disk.
    disk.done(Step::Sync { file: number });
    SQLITE_OK
}
