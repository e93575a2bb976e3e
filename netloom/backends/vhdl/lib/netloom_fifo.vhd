-- First-in first-out buffer, for designs written by netloom.
--
-- SPDX-License-Identifier: Apache-2.0
--
-- A beat that goes in can come out in the next cycle; the oldest beat is at out_data before it is taken.
-- in_ready and out_valid are functions of `count` alone, so no path leads through a FIFO from one side to
-- the other. With DEPTH = 1 it moves a beat every other cycle, else one in every cycle.
--
-- Two beats are in registers; up to SMALL_DEPTH in a register and a memory without read register, which
-- fits look-up tables; more in a memory with a read register, which fits block RAM. The choice does not
-- show outside.
--
-- A FIFO with a name reports in simulation how many beats it has held at most, whenever that grows:
-- "netloom: fifo NAME holds N".

library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity netloom_fifo is
  generic (
    WIDTH     : positive;             -- bits of a beat
    DEPTH     : positive;             -- beats
    NAME      : string := ""          -- for simulation: reports each new maximum of `count`, unless empty
  );
  port (
    clk       : in  std_logic;
    rst       : in  std_logic;
    in_valid  : in  std_logic;
    in_ready  : out std_logic;
    in_data   : in  std_logic_vector(WIDTH - 1 downto 0);
    out_valid : out std_logic;
    out_ready : in  std_logic;
    out_data  : out std_logic_vector(WIDTH - 1 downto 0)
  );
end entity netloom_fifo;

architecture rtl of netloom_fifo is

  constant SMALL_DEPTH : natural := 64;

  type beats_t is array (natural range <>) of std_logic_vector(WIDTH - 1 downto 0);

  signal count : natural range 0 to DEPTH := 0;
  signal push  : std_logic;
  signal pop   : std_logic;
  signal first : std_logic;

begin

  in_ready  <= '1' when count < DEPTH else '0';
  out_valid <= '1' when count > 0 else '0';
  push      <= in_valid when count < DEPTH else '0';
  pop       <= out_ready when count > 0 else '0';

  fill : process (clk)
  begin
    if rising_edge(clk) then
      if rst = '1' then
        count <= 0;
      elsif push = '1' and pop = '0' then
        count <= count + 1;
      elsif push = '0' and pop = '1' then
        count <= count - 1;
      end if;
    end if;
  end process fill;

  watched : if NAME /= "" generate
    watch : process (clk)
      variable most : natural := 0;
    begin
      if rising_edge(clk) then
        if count > most then
          most := count;
          report "netloom: fifo " & NAME & " holds " & integer'image(most) severity note;
        end if;
      end if;
    end process watch;
  end generate watched;

  -- A beat that goes in becomes the oldest at once.
  first <= '1' when count = 0 or (count = 1 and pop = '1') else '0';

  tiny : if DEPTH <= 2 generate
    signal second : std_logic_vector(WIDTH - 1 downto 0);
  begin

    hold : process (clk)
    begin
      if rising_edge(clk) then
        if first = '1' then
          out_data <= in_data;
        elsif pop = '1' then
          out_data <= second;
        end if;
        if push = '1' then
          second <= in_data;
        end if;
      end if;
    end process hold;

  end generate tiny;

  -- Memories are variables: a simulator needs far less time and space for them.

  small : if DEPTH > 2 and DEPTH <= SMALL_DEPTH generate
    signal write_at : natural range 0 to DEPTH - 2 := 0;
    signal read_at  : natural range 0 to DEPTH - 2 := 0;
  begin

    -- The oldest beat is in out_data, those after it are in `rest`.
    memory : process (clk)
      variable rest : beats_t(0 to DEPTH - 2);
    begin
      if rising_edge(clk) then
        if first = '1' then
          out_data <= in_data;
        elsif pop = '1' then
          out_data <= rest(read_at);
        end if;
        if push = '1' and first = '0' then
          rest(write_at) := in_data;
        end if;
      end if;
    end process memory;

    pointers : process (clk)
    begin
      if rising_edge(clk) then
        if rst = '1' then
          write_at <= 0;
          read_at  <= 0;
        elsif first = '0' then
          if push = '1' then
            if write_at = DEPTH - 2 then
              write_at <= 0;
            else
              write_at <= write_at + 1;
            end if;
          end if;
          if pop = '1' then
            if read_at = DEPTH - 2 then
              read_at <= 0;
            else
              read_at <= read_at + 1;
            end if;
          end if;
        end if;
      end if;
    end process pointers;

  end generate small;

  large : if DEPTH > maximum(2, SMALL_DEPTH) generate
    signal write_at  : natural range 0 to DEPTH - 1 := 0;
    signal read_at   : natural range 0 to DEPTH - 1 := 0;
    signal read_next : natural range 0 to DEPTH - 1;
    signal stored    : std_logic_vector(WIDTH - 1 downto 0);
    signal passed    : std_logic_vector(WIDTH - 1 downto 0);
    signal is_passed : std_logic := '0';
  begin

    read_next <= read_at when pop = '0' else
                 0 when read_at = DEPTH - 1 else
                 read_at + 1;

    pointers : process (clk)
    begin
      if rising_edge(clk) then
        if rst = '1' then
          write_at  <= 0;
          read_at   <= 0;
          is_passed <= '0';
        else
          if push = '1' then
            if write_at = DEPTH - 1 then
              write_at <= 0;
            else
              write_at <= write_at + 1;
            end if;
          end if;
          read_at <= read_next;
          -- The memory gives a beat one cycle after it was written; until then, it is in `passed`.
          if push = '1' and write_at = read_next then
            is_passed <= '1';
          else
            is_passed <= '0';
          end if;
        end if;
      end if;
    end process pointers;

    memory : process (clk)
      variable beats : beats_t(0 to DEPTH - 1);
    begin
      if rising_edge(clk) then
        stored <= beats(read_next);
        passed <= in_data;
        if push = '1' then
          beats(write_at) := in_data;
        end if;
      end if;
    end process memory;

    out_data <= passed when is_passed = '1' else stored;

  end generate large;

end architecture rtl;
