# Carries out a Dockerfile without Docker, for scripts/check/containers: sourced by it, as root, in a mount
# namespace of its own. Known are the instructions that the project's Dockerfile uses; others are an error.
#
# Each stage's files are an overlay on a stand-in for its image, a folder in `stands_in`. After `carry_out`
# these are as of the last stage: `root`, its files; `environment`, `workdir`, `user`, `volume`, `stop_signal`;
# `command` and `health`, arrays. `launcher` is put before what `inside` runs.

declare -A stands_in=() roots=()
launcher=()

# instructions FILE: one a line, without comments and continuations.
instructions() {
    sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' "$1" | sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}'
}

# words NAME TEXT: the array NAME is what a shell or exec form runs.
words() {
    local -n into=$1
    local rest=$2
    into=()
    case $rest in
    '['*)
        while [[ $rest =~ \"([^\"]*)\"(.*) ]]; do
            into+=("${BASH_REMATCH[1]}")
            rest=${BASH_REMATCH[2]}
        done
        ;;
    *) into=(/bin/sh -c "$rest") ;;
    esac
}

# begin_stage IMAGE NAME
begin_stage() {
    local base=${stands_in[$1]:-} files=$work/stages/$2
    [ -n "$base" ] || { echo "nothing stands in for the image $1" >&2; return 1; }
    mkdir -p "$files"/{upper,work,root}
    root=$files/root
    roots[$2]=$root
    mount -t overlay overlay -o "lowerdir=$base,upperdir=$files/upper,workdir=$files/work" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    # Where the system is the stand-in, its Rust is where the environment says.
    [ "$base" != / ] || environment=("${system_environment[@]}")
    workdir=/ user='' volume='' stop_signal=TERM command=() health=()
}

# inside COMMAND…: runs it as the stage's user, with the stage's files, folder and variables only.
inside() {
    "${launcher[@]}" chroot ${user:+"--userspec=$user"} "$root" /usr/bin/env -i "--chdir=$workdir" "${environment[@]}" "$@"
}

# copy [--from=STAGE] SOURCE… TARGET: folders are copied by what is in them.
copy() {
    local from=$context source
    case $1 in
    --from=*)
        from=${roots[${1#--from=}]}
        shift
        ;;
    --*)
        echo "unknown flag of COPY: $1" >&2
        return 1
        ;;
    esac
    local to=$root/${!#}
    [[ ${!#} = /* ]] || to=$root$workdir/${!#}
    for source in "${@:1:$#-1}"; do
        [ -e "$from/$source" ] || { echo "COPY: there is no $source" >&2; return 1; }
        [ ! -d "$from/$source" ] || source+=/.
        cp -a --no-preserve=ownership "$from/$source" "$to"
    done
}

# carry_out FILE
carry_out() {
    local instruction rest image name flag
    while read -r -u 9 instruction rest; do
        printf '%4ss  %s %.100s\n' "$SECONDS" "$instruction" "$rest"
        case $instruction in
        FROM)
            read -r image _ name <<<"$rest"
            begin_stage "$image" "${name:-last}"
            ;;
        WORKDIR)
            workdir=$rest
            mkdir -p "$root$workdir"
            [ "$(type -t entered)" != function ] || entered
            ;;
        COPY) copy $rest ;;
        RUN)
            if ! inside /bin/sh -c "$rest" >"$work/log" 2>&1 </dev/null; then
                tail -n 50 "$work/log" >&2
                return 1
            fi
            ;;
        ENV) environment+=($rest) ;;
        USER) user=$rest ;;
        VOLUME) volume=$rest ;;
        STOPSIGNAL) stop_signal=${rest#SIG} ;;
        CMD) words command "$rest" ;;
        HEALTHCHECK) words health "${rest#*CMD }" ;;
        EXPOSE) ;;
        *)
            echo "unknown instruction: $instruction" >&2
            return 1
            ;;
        esac
    done 9< <(instructions "$1")
}
