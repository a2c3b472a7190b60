"""Who owns what, and which messages that takes: BucketPlan and SharedExchange (comm/), once more in Python."""

from bisect import bisect_left

NORM_BLOCK = 4096  # elements; owners change only between two of them
BUCKET = (1 << 20) // 8  # elements that close a bucket


def tensors_of(layer):
    """Elements of a layer's tensors in their order: a kernel and its bias, or scale and offset."""
    parameters, channels = layer["parameters"], layer["channels"]
    if layer["type"] == "batch_normalization":
        return [channels, parameters - channels]
    # A 3x3 kernel has a multiple of nine for each output, and its bias one more.
    has_bias = layer["type"] == "dense" or parameters // channels % 9 == 1
    return [parameters - channels, channels] if has_bias else [parameters]


class Plan:
    """Buckets from the arena's end to its beginning, each with what every rank owns of it."""

    def __init__(self, layers, ranks):
        self.ranks = ranks
        tensors, cuts, end = [], [], 0
        for layer in layers:
            if not layer["parameters"]:
                continue
            cuts.append((end, layer["name"]))
            for elements in tensors_of(layer):
                tensors.append(end)
                end += -(-elements // 16) * 16
        self.elements = end
        bounds = [*tensors, end]
        self.blocks = [at for i in range(len(tensors)) for at in range(bounds[i], bounds[i + 1], NORM_BLOCK)] + [end]
        self.buckets = []  # counts by rank, and the layers that must have passed
        names = []
        for begin, name in reversed(cuts):
            names.append(name)
            if end - begin < BUCKET and begin > 0:
                continue
            self.buckets.append((self.counts(begin, end), names))
            end, names = begin, []

    def counts(self, begin, end):
        counts, at = [], begin
        for rank in range(1, self.ranks + 1):
            ideal = begin + (end - begin) * rank // self.ranks
            to = end if rank == self.ranks else min(self.blocks[bisect_left(self.blocks, ideal)], end)
            counts.append(to - at)
            at = to
        return counts

    def owned(self):
        """The most that a rank owns."""
        return max(sum(counts[rank] for counts, _ in self.buckets) for rank in range(self.ranks))


class Traffic:
    """What one bucket's sums take between hosts of `per_host` ranks each: the most of any host or rank."""

    def __init__(self, counts, per_host):
        ranks = len(counts)
        hosts = -(-ranks // per_host)
        total, here = sum(counts), [0] * hosts
        received, sent, relayed = [0] * ranks, [0] * ranks, [0] * ranks
        for owner, count in enumerate(counts):
            here[owner // per_host] += count
            if count == 0:
                continue
            received[owner] += hosts - 1
            for host in range(hosts):
                if host == owner // per_host:
                    continue
                size = min(per_host, ranks - host * per_host)
                relay = host * per_host + owner % size
                sent[relay] += 1
                relayed[relay] += count
        self.into = max(here) * (hosts - 1)  # elements into the host that owns most
        self.out = total - min(here)
        self.messages = max(s + r for s, r in zip(sent, received))
        self.receives = max(received)
        self.owned = max(counts)
        self.summed = max(count + relay for count, relay in zip(counts, relayed))  # of its host's ranks, by one rank
