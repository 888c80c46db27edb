"""What is seen of fair pools in the books, and what admins change in them."""

from quota.accounts import Accounts
from quota.counters import Changes
from quota.limits import Bound
from quota.pool_governing import NotKept
from quota.pools import Pools
from quota.store import KeepFor, PoolDeed, PoolState


def pool_state(
    accounts: Accounts, pools: Pools, bound: Bound, wallet: str, now: int
) -> PoolState | None:
    """A fair pool as it stands, and a member of it; None where the limit is none."""
    pool = pools.at(bound, accounts.at(bound, now, None))
    return None if pool is None else pools.state(pool, bound, wallet, now)


def change_pool(
    accounts: Accounts, pools: Pools, bound: Bound, deed: PoolDeed, now: int, changes: Changes
) -> PoolState | NotKept | None:
    """Do what an admin wants of a fair pool; None where the limit is none."""
    account = accounts.at(bound, now, changes)
    pool = pools.at(bound, account)
    if pool is None:
        return None
    if account.id == 0:
        accounts.open(account)
        changes.accounts[account.id] = account
    refused = pools.change(pool, account, bound, deed, now, changes)
    wallet = deed.wallet if isinstance(deed, KeepFor) else ""
    return refused or pools.state(pool, bound, wallet, now)
