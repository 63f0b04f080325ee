//! A full disk: writes fail without changes, and work again once there is space.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use keyward::clock::{Clock, random_bytes};
use keyward::domain::id::Id;
use keyward::domain::member::Role;
use keyward::store::{DatabaseLocation, NewMember, OpenMode, Store, StoreError};

/// A small tmpfs. It is not available if the tests may not mount file systems.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap().keep();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"])
            .arg(&folder)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        fs::remove_dir(&folder).unwrap();
        std::io::stderr().write_all(b"skipped: a tmpfs cannot be mounted\n").unwrap();
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
        let _ = fs::remove_dir(&self.0);
    }
}

async fn insert_member(store: &Store) -> Result<Id, StoreError> {
    let at = Clock::System.now();
    let id = Id::new(at, random_bytes());
    let email = format!("{id}@plant.example");
    let new = NewMember { id, name: "x".repeat(2_000), email, role: Role::Normal, at };
    store.write(move |tx| Box::pin(async move { tx.insert_member(&new).await.map(|()| id) })).await
}

/// Guarantee 17: a full disk fails closed and recovers by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_no_writes_and_writing_resumes() {
    let Some(disk) = SmallDisk::mount() else { return };
    let target = DatabaseLocation::Sqlite(disk.0.join("data/keys.db"));
    let store = Store::open(&target, OpenMode::Serve, Clock::System.now(), random_bytes).await.unwrap();
    for _ in 0..3 {
        let mut acknowledged = vec![insert_member(&store).await.unwrap()];
        let ballast = disk.0.join("ballast");
        let mut file = fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let mut full = 0;
        for _ in 0..200 {
            match insert_member(&store).await {
                Ok(id) => acknowledged.push(id),
                Err(StoreError::DiskFull) => full += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(full > 0, "the disk was never full");
        let mut reader = store.reader().await.unwrap();
        let members = reader.members(None, 10_000).await.unwrap();
        for id in &acknowledged {
            assert!(members.iter().any(|row| row.member.id == *id), "an acknowledged write was lost");
        }
        drop(reader);
        drop(file);
        fs::remove_file(&ballast).unwrap();
        insert_member(&store).await.unwrap();
    }
    store.close().await;
}
