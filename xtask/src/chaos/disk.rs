//! An ext4 of its own in a file, so that a disk can be had as it is at one moment.
//!
//! What was written and not synced is in the page cache of the file system inside, and not in the
//! file. So a copy of the file is what a machine would find that lost its power at that moment, on a
//! disk that kept all it was given. Not simulated are a disk that forgets or reorders what it was
//! given and not told to flush, and sectors that are written in part.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

const BYTES: u64 = 1 << 30;

/// A mounted file system. Dropping it unmounts it and removes its file.
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
    copies: u32,
}

impl Disk {
    /// Makes one below a directory.
    pub fn new(directory: &Path) -> Result<Self> {
        Self::of(directory, BYTES)
    }

    /// Makes one of a size. It takes no more room than is written to it.
    pub fn of(directory: &Path, bytes: u64) -> Result<Self> {
        let disk =
            Self { image: directory.join("disk"), mount: directory.join("mounted"), copies: 0 };
        fs::create_dir_all(&disk.mount)?;
        File::create(&disk.image)?.set_len(bytes)?;
        shell::output(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image))?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount
    }

    /// Waits until all is on the disk that was written.
    pub fn sync(&self) -> Result<()> {
        shell::output(Command::new("sync").arg("--file-system").arg(&self.mount)).map(drop)
    }

    /// A copy of the disk as it is at one moment: nothing was written to it meanwhile.
    pub fn copy(&mut self) -> Result<PathBuf> {
        const TRIES: u32 = 50;
        self.copies += 1;
        let copy = self.image.with_file_name(format!("disk-{}", self.copies));
        for _ in 0..TRIES {
            let before = self.written()?;
            let mut cp = Command::new("cp");
            shell::output(cp.args(["--sparse=always"]).arg(&self.image).arg(&copy))?;
            let after = self.written()?;
            if before == after && before.in_flight == 0 {
                return Ok(copy);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the kernel does not cease to write to the disk, though nobody else does")
    }

    /// Takes a copy for the disk; what the other one had in memory only is gone.
    pub fn replace(&mut self, copy: PathBuf) -> Result<()> {
        self.unmount()?;
        fs::remove_file(&self.image)?;
        self.image = copy;
        self.mount()
    }

    fn mount(&self) -> Result<()> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "ext4", "-o", "loop,noatime"]).arg(&self.image).arg(&self.mount);
        shell::output(&mut mount).map(drop)
    }

    fn unmount(&self) -> Result<()> {
        shell::output(Command::new("umount").arg(&self.mount)).map(drop)
    }

    /// What was written to the loop device so far.
    fn written(&self) -> Result<Written> {
        let mut find = Command::new("findmnt");
        let device = shell::output(find.args(["-n", "-o", "SOURCE"]).arg(&self.mount))?;
        let name = device.trim().strip_prefix("/dev/").context("a loop device is in /dev")?;
        Written::of(&fs::read_to_string(format!("/sys/block/{name}/stat"))?)
            .context("the kernel tells nothing of a loop device")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is left goes with the mount namespace, and with the directory.
        let _ = self.unmount();
        let _ = fs::remove_file(&self.image);
    }
}

/// Whether such a disk can be had here.
pub fn can_be_had() -> Result<(), &'static str> {
    const NEEDED: [&str; 6] = ["mkfs.ext4", "mount", "umount", "findmnt", "losetup", "unshare"];
    if !shell::is_root() {
        return Err("loss of power: simulating it needs root, for a loop device");
    }
    if NEEDED.iter().any(|program| shell::find(program).is_none()) {
        return Err("loss of power: simulating it needs e2fsprogs and util-linux");
    }
    shell::output(Command::new("losetup").arg("--find"))
        .map(drop)
        .map_err(|_| "loss of power: simulating it needs a loop device, and none is to be had")
}

/// Counts of a block device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    writes: u64,
    sectors: u64,
    in_flight: u64,
    discards: u64,
}

impl Written {
    /// Of `/sys/block/…/stat`: see the kernel's `Documentation/block/stat.rst`.
    fn of(stat: &str) -> Option<Self> {
        let fields: Vec<u64> =
            stat.split_whitespace().map_while(|field| field.parse().ok()).collect();
        let at = |index: usize| fields.get(index).copied();
        let discards = at(11).unwrap_or(0);
        Some(Self { writes: at(4)?, sectors: at(6)?, in_flight: at(8)?, discards })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_a_device_are_read() {
        let stat = "  55  0  2102  3  7  0  56  5  1  4  14  2  0  0  0  1  5\n";
        let written = Written { writes: 7, sectors: 56, in_flight: 1, discards: 2 };
        assert_eq!(Written::of(stat), Some(written));
        assert_eq!(Written::of("1 2"), None);
    }
}
