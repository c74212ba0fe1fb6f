//! `logweir doctor`: what this host can do for a collector, what it should, and the commands that
//! change it.
//!
//! Each group of checks is a file with three parts: a `Reading`, which is plain data as the host
//! gives it; what takes it; and the checks, functions of the reading and of what the collector is
//! planned to do, so that they are tested with the readings of other hosts. Nothing that is read
//! disturbs traffic, and nothing is changed but a few MiB in the data directory, removed at once.

mod clock;
mod disk;
mod finding;
mod interface;
mod interrupts;
mod kernel;
mod memory;
mod netlink;
mod plan;
mod processors;
mod queues;
mod read;
mod report;
mod rights;
mod script;
mod sockets;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Group, Severity};
pub use plan::Plan;
pub use report::{json, table};
pub use script::script;

/// Looks at this host, as the collector of such a plan would meet it.
pub fn examine(plan: &Plan) -> Vec<Group> {
    let rights = rights::Reading::take();
    let processors = processors::Reading::take();
    let mut groups = vec![
        Group::new("kernel", kernel::findings(&kernel::Reading::take(), plan)),
        Group::new("rights", rights::findings(&rights, plan)),
    ];
    if let Some(name) = &plan.interface {
        let interface = interface::Reading::take(name);
        let queues = queues::Reading::take(name);
        let interrupts = interrupts::Reading::take(name);
        let mut findings = interface::findings(&interface, plan);
        findings.extend(queues::findings(&queues, &processors, plan));
        findings.extend(interrupts::findings(&interrupts, &processors, plan));
        groups.push(Group::new(&format!("interface {name}"), findings));
    }
    let sockets = sockets::Reading::take(plan.interface.as_deref());
    groups.extend([
        Group::new("sockets", sockets::findings(&sockets, &rights, plan)),
        Group::new("memory", memory::findings(&memory::Reading::take(), &rights, plan)),
        Group::new("processors", processors::findings(&processors, plan)),
        Group::new("clock", clock::findings(&clock::Reading::take())),
    ]);
    if let Some(data) = &plan.data {
        let disk = disk::Reading::take(data);
        groups.push(Group::new(&format!("disk {}", data.display()), disk::findings(&disk, plan)));
    }
    groups
}
